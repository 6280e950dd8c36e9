"""Who may get an action now: every rule but the caps, which depend on who else decides at the moment."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime

from ebbtide.domain.action import NOTHING, Action
from ebbtide.domain.contact import TRANSACTIONAL, ContactPolicy, Reach
from ebbtide.domain.customer import Stage
from models.actions.actions import ActionCatalogue
from models.actions.sending import sent_at, silent
from models.expressions import Facts

NOBODY = Reach()
"""The reach of a customer who never said anything of being spoken to."""


def judged(
    policy: ActionCatalogue,
    facts: Facts,
    *,
    stage: str,
    now: float,
    reach: Reach = NOBODY,
    taken: Mapping[str, float] | None = None,
    decision_point: str = "default",
    best_hour: float = math.nan,
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
        best_hour: the hour of the week (UTC) in which the customer answers most; NaN where not known.

    Raises:
        KeyError: there is no such decision point.
    """
    quiet = silent(policy.contact, reach, now)
    taken = taken or {}

    def rule(action: Action) -> str | None:
        if action.id in policy.conditions and not policy.conditions[action.id].holds(facts):
            return f"when: {action.when}"
        return (
            _out_of_date(action, now)
            or _too_early(action, taken)
            or _consent(action, policy.contact, reach)
            or quiet_at(action)
        )

    def quiet_at(action: Action) -> str | None:
        found = quiet.get(action.channel)
        waits = found is not None and sent_at(action, policy.contact, reach, best_hour, now) > now
        return None if waits else found

    return [
        (action, ruled if ruled is not None or action.id == NOTHING.id else rule(action))
        for action, ruled in _settled(policy, decision_point, stage)
    ]


def _settled(policy: ActionCatalogue, decision_point: str, stage: str) -> list[tuple[Action, str | None]]:
    """Each action with the rule that rules it out by the decision point and the stage alone."""
    found = policy.settled.get((decision_point, stage))
    if found is None:
        channels = policy.decision_points[decision_point].channels

        def rule(action: Action) -> str | None:
            if action.id == NOTHING.id:
                return None
            if channels is not None and action.channel not in channels:
                return f"decision point: {decision_point} has {', '.join(sorted(channels))}"
            return None if stage in action.stages else _for_stages(action.stages)

        found = [(action, rule(action)) for action in policy.actions]
        policy.settled[decision_point, stage] = found
    return found


def _out_of_date(action: Action, now: float) -> str | None:
    if now < action.valid_from:
        return f"valid: from {_date(action.valid_from)}"
    return f"valid: until {_date(action.valid_until)}" if now >= action.valid_until else None


def _date(moment: float) -> str:
    shown = datetime.fromtimestamp(moment, UTC)
    midnight = shown.hour == shown.minute == shown.second == 0
    return f"{shown:%Y-%m-%d}" if midnight else f"{shown:%Y-%m-%d %H:%M} UTC"


def _too_early(action: Action, taken: Mapping[str, float]) -> str | None:
    missing = sorted(action.after - taken.keys()) if action.after else ()
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


def _for_stages(stages: frozenset[Stage]) -> str:
    return f"stage: for {', '.join(each for each in Stage if each in stages)}"
