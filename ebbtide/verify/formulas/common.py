"""What the formulas share: days, windows, shares, the newest of several."""

import math
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from ebbtide.domain.event import Event

DAY = 86_400.0
"""Seconds in a day."""
ORDER = "Order Completed"
Events: TypeAlias = Sequence[Event]
"""Of one customer, oldest first."""
Values: TypeAlias = dict[str, float]
"""By name; NaN where nothing is known."""
Amounts: TypeAlias = list[tuple[float, float]]
"""(Unix seconds, amount)."""


def named(events: Events, *names: str) -> list[Event]:
    """The events of these names."""
    return [event for event in events if event.name in names]


def day(at: float) -> int:
    """The UTC day of a moment, counted from 1970-01-01."""
    return math.floor(at / DAY)


def in_days(at: float, first: int, last: int, now: float) -> bool:
    """Whether a moment lies `first` to `last` days before today, both counted; 0 is today.

    >>> [in_days(at=1 * DAY, first=0, last=days, now=3.5 * DAY) for days in (1, 2)]
    [False, True]
    """
    return first <= day(now) - day(at) <= last


def window(amounts: Amounts, days: int, now: float) -> float:
    """The sum over today and the `days` - 1 days before."""
    return sum((amount for at, amount in amounts if in_days(at, 0, days - 1, now)), 0.0)


def trend(amounts: Amounts, lately: int, before: int, now: float) -> float:
    """(r - q) / (r + q): a day's amount r in the last `lately` days, q in the `before` days before those."""
    r = window(amounts, lately, now) / lately
    q = sum(amount for at, amount in amounts if in_days(at, lately, lately + before - 1, now)) / before
    return share(r - q, r + q)


def age_days(times: Iterable[float], now: float) -> float:
    """Days since the newest of these moments; NaN if there is none."""
    return (now - max(times, default=math.nan)) / DAY


def share(part: float, whole: float) -> float:
    """`part` over `whole`; NaN if the whole is 0."""
    return part / whole if whole else math.nan


def mean(numbers: Sequence[float]) -> float:
    """The mean; NaN of nothing."""
    return share(math.fsum(numbers), len(numbers))


def newest(dated: Iterable[tuple[float, Any]], otherwise: Any = math.nan) -> Any:
    """The value with the newest time; of two at one time the larger."""
    return max(dated, default=(0.0, otherwise))[1]


def crc(text: str) -> int:
    """CRC-32 of a text in lower case, which the codes and buckets of the catalog are made of."""
    return zlib.crc32(text.lower().encode())
