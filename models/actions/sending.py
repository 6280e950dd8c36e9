"""When a message is sent: at once, or in the hour of the day in which the customer answers most.

Which of the two answers better, and for whom, is learned like the choice of a channel: by an entry for each.
"""

from collections.abc import Mapping
from functools import lru_cache
from zoneinfo import ZoneInfo

from ebbtide.domain.action import Action
from ebbtide.domain.contact import DAY, ContactPolicy, QuietHours, Reach

BEST_HOUR = "best_hour"
"""The signal that tells the hour, and the value of `send` that asks for it."""
_HOUR = 3_600.0
_UTC = ZoneInfo("UTC")


def sent_at(action: Action, contact: ContactPolicy, reach: Reach, best_hour: float, now: float) -> float:
    """The moment at which an action decided on at `now` is sent, less than a day later (Unix seconds, UTC).

    It is `now`, unless the entry asks for the best hour, that is known, and then it is neither quiet nor too
    late for the action.

    Args:
        action: what is sent.
        contact: with the quiet hours.
        reach: with the customer's time zone.
        best_hour: the hour of the week (UTC) in which the customer answers most; NaN where not known.
        now: Unix seconds, UTC.
    """
    if action.send != BEST_HOUR or best_hour != best_hour:
        return now
    moment = next_hour(best_hour, now)
    if moment >= action.valid_until or action.channel in silent(contact, reach, moment):
        return now
    return moment


def next_hour(best_hour: float, now: float) -> float:
    """The first moment from `now` on in the hour of the day of an hour of the week, both in UTC.

    The day of the week is let go of: who waited for it would speak to the customer a week late.

    >>> next_hour(42.0, 6.5 * 3600) / 3600, next_hour(42.0, 18.5 * 3600) / 3600
    (18.0, 18.5)
    """
    begins = now - now % DAY + best_hour % 24.0 * _HOUR
    return max(begins if begins + _HOUR > now else begins + DAY, now)


def silent(contact: ContactPolicy, reach: Reach, at: float) -> Mapping[str, str]:
    """The channels that are silent where the customer is, with the rule in words."""
    hours = contact.quiet_hours
    if hours is None:
        return {}
    return _silent(hours, _zone(reach.time_zone) or _zone(contact.time_zone) or _UTC, at)


@lru_cache(maxsize=1024)  # questions that are answered together have one moment, and few zones
def _silent(hours: QuietHours, zone: ZoneInfo, at: float) -> Mapping[str, str]:
    if not hours.holds(at, zone):
        return {}
    return dict.fromkeys(hours.channels, f"quiet hours: {hours} in {zone.key}")


@lru_cache(maxsize=1024)
def _zone(name: str | None) -> ZoneInfo | None:
    """The zone of a name as a customer's device gave it; None if there is none."""
    try:
        return None if name is None else ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return None
