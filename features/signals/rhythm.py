"""Rhythm: the customer's own gaps between purchase days, and how overdue the next purchase is.

A purchase day is a UTC day with an order; a gap is the number of days from one to the next. Mean and
deviation follow from the sums of the gaps and of their squares, which are whole numbers, so exact. The state
holds at most 365 purchase days: 6 bytes each, at most 3 kB; those before are summed up.

>>> from features.signals.testing import order
>>> state = State()
>>> for day in (0, 10, 20, 34):
...     update(state, order(day=day))
>>> [round(x, 3) for x in value(state, now=58 * 86_400.0)]
[4.0, 3.0, 11.333, 2.309, 14.0, 14.0, 2.118, 5.485]
"""

import math

import msgspec

from ebbtide.domain.event import Event
from features.signals.active import Active
from features.signals.daily import DAY, YEAR, day_of

EVENTS = frozenset({"Order Completed"})
VALUES = {
    "purchase_days": "count: days with an order, in the last 365 days",
    "gaps_total": "count: gaps between days with an order",
    "gap_mean_days": "days: mean gap between days with an order",
    "gap_std_days": "days: standard deviation of those gaps",
    "gap_last_days": "days: the last such gap",
    "gap_max_days": "days: the longest such gap",
    "overdue_ratio": "ratio: days since the last order over the mean gap",
    "overdue_z": "standard deviations: by which the present gap exceeds the mean gap",
}


class State(msgspec.Struct, array_like=True, gc=False):
    """When the newest order was (Unix seconds), and the purchase days."""

    at: float = -math.inf
    days: Active = msgspec.field(default_factory=Active)


def update(state: State, event: Event) -> None:
    """Take an order's day up."""
    if event.at > state.at:
        state.at = event.at
    state.days.add(day_of(event.at), 1)


def value(state: State, now: float) -> tuple[float, ...]:
    """The gaps in days, and the present gap against them; NaN before the second purchase day."""
    lately = float(state.days.within(YEAR, day_of(now)))
    gaps = state.days.number - 1
    if gaps < 1:
        return (lately, 0.0, *(math.nan,) * 6)
    run = state.days.run()
    total = run.last - run.first
    mean = total / gaps
    spread = gaps * run.squares - total * total  # gaps^2 times the variance over all gaps, in whole numbers
    std = math.sqrt(spread / (gaps * (gaps - 1))) if gaps > 1 else math.nan
    since = (now - state.at) / DAY
    z = (since - mean) / std if std > 0 else math.nan
    last = float(_last_gap(state.days))
    return (lately, float(gaps), mean, std, last, float(run.longest), since / mean, z)


def _last_gap(days: Active) -> int:
    kept = days.days
    if len(kept) > 1:
        return kept[-1] - kept[-2]
    return kept[-1] - days.before.last if days.before else 0


def merge(state: State, other: State) -> None:
    """Take up the other's purchase days."""
    state.at = max(state.at, other.at)
    state.days.merge(other.days)
