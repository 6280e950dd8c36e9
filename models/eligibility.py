"""Who may get an action now: every rule but the caps, which depend on who else decides at the moment."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from ebbtide.domain.action import NOTHING, Action
from ebbtide.domain.contact import TRANSACTIONAL, ContactPolicy, Reach
from ebbtide.domain.customer import Stage
from models.actions import ActionCatalogue
from models.expressions import Facts

NOBODY = Reach()
"""The reach of a customer who never said anything of being spoken to."""
_UTC = ZoneInfo("UTC")


def judged(
    policy: ActionCatalogue,
    facts: Facts,
    *,
    stage: str,
    now: float,
    reach: Reach = NOBODY,
    taken: Mapping[str, float] | None = None,
    decision_point: str = "default",
) -> list[tuple[Action, str | None]]:
    """Each action with the first rule, in words, that rules it out at `now`; None if it is allowed.

    Doing nothing is always allowed.

    Args:
        policy: the actions and the rules.
        facts: what conditions are judged on.
        stage: the customer's stage.
        now: Unix seconds, UTC.
        reach: consent and time zone of the customer.
        taken: when each action was taken last, those never taken left out.
        decision_point: one of the policy's.

    Raises:
        KeyError: there is no such decision point.
    """
    point = policy.decision_points[decision_point]
    silent = _silent(policy.contact, reach, now)
    taken = taken or {}

    def rule(action: Action) -> str | None:
        if point.channels is not None and action.channel not in point.channels:
            return f"decision point: {decision_point} has {', '.join(sorted(point.channels))}"
        if stage not in action.stages:
            return _for_stages(action.stages)
        if action.id in policy.conditions and not policy.conditions[action.id].holds(facts):
            return f"when: {action.when}"
        return (
            _out_of_date(action, now)
            or _too_early(action, taken)
            or _consent(action, policy.contact, reach)
            or silent.get(action.channel)
        )

    return [(action, None if action.id == NOTHING.id else rule(action)) for action in policy.actions]


def _out_of_date(action: Action, now: float) -> str | None:
    if now < action.valid_from:
        return f"valid: from {_date(action.valid_from)}"
    return f"valid: until {_date(action.valid_until)}" if now >= action.valid_until else None


def _date(moment: float) -> str:
    shown = datetime.fromtimestamp(moment, UTC)
    midnight = shown.hour == shown.minute == shown.second == 0
    return f"{shown:%Y-%m-%d}" if midnight else f"{shown:%Y-%m-%d %H:%M} UTC"


def _too_early(action: Action, taken: Mapping[str, float]) -> str | None:
    missing = sorted(action.after - taken.keys())
    return f"after: {', '.join(missing)}" if missing else None


def _consent(action: Action, contact: ContactPolicy, reach: Reach) -> str | None:
    if action.purpose == TRANSACTIONAL:
        return None
    said = reach.allows(action.channel, action.purpose)
    if said is False:
        return f"consent: refused {action.channel} for {action.purpose}"
    if said is None and action.channel in contact.opt_in:
        return f"consent: {action.channel} needs opt-in for {action.purpose}"
    return None


def _silent(contact: ContactPolicy, reach: Reach, now: float) -> Mapping[str, str]:
    """The channels that are silent where the customer is, with the rule."""
    hours = contact.quiet_hours
    if hours is None:
        return {}
    zone = _zone(reach.time_zone) or _zone(contact.time_zone) or _UTC
    return (
        dict.fromkeys(hours.channels, f"quiet hours: {hours} in {zone.key}") if hours.holds(now, zone) else {}
    )


@lru_cache(maxsize=1024)
def _for_stages(stages: frozenset[Stage]) -> str:
    return f"stage: for {', '.join(each for each in Stage if each in stages)}"


@lru_cache(maxsize=1024)
def _zone(name: str | None) -> ZoneInfo | None:
    """The zone of a name as a customer's device gave it; None if there is none."""
    try:
        return None if name is None else ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return None
