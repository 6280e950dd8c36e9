"""Rhythm: the customer's own gaps between purchase days, and how overdue the next purchase is.

Mean and deviation of the gaps by Welford's recurrence (Technometrics 4, 1962, 419-420).

>>> from features.signals.testing import order
>>> state = State()
>>> for day in (0, 10, 20, 34):
...     update(state, order(day=day))
>>> [round(x, 3) for x in value(state, now=58 * 86_400.0)]
[3.0, 11.333, 2.309, 14.0, 14.0, 2.118, 5.485]
"""

import math

import msgspec

from ebbtide.domain.event import Event
from features.signals.daily import DAY, day_of

EVENTS = frozenset({"Order Completed"})
VALUES = {
    "gaps_total": "count: gaps between days with an order",
    "gap_mean_days": "days: mean gap between days with an order",
    "gap_std_days": "days: standard deviation of those gaps",
    "gap_last_days": "days: the last such gap",
    "gap_max_days": "days: the longest such gap",
    "overdue_ratio": "ratio: days since the last order over the mean gap",
    "overdue_z": "standard deviations: by which the present gap exceeds the mean gap",
}


class State(msgspec.Struct, array_like=True):
    """Count, mean and sum of squared deviations of the gaps (days), the last and the longest one."""

    last_at: float = math.nan
    gaps: int = 0
    mean: float = 0.0
    m2: float = 0.0
    last: float = math.nan
    longest: float = math.nan


def update(state: State, event: Event) -> None:
    """Count a gap when an order falls on a later day than the last one."""
    if event.at <= state.last_at:
        return
    if not math.isnan(state.last_at):
        gap = float(day_of(event.at) - day_of(state.last_at))
        if gap:
            state.gaps += 1
            delta = gap - state.mean
            state.mean += delta / state.gaps
            state.m2 += delta * (gap - state.mean)
            state.last = gap
            state.longest = gap if math.isnan(state.longest) else max(gap, state.longest)
    state.last_at = event.at


def value(state: State, now: float) -> tuple[float, ...]:
    """The gaps in days, and the present gap against them; NaN before the second purchase day."""
    if not state.gaps:
        return (0.0, *(math.nan,) * 6)
    since = (now - state.last_at) / DAY
    std = math.sqrt(state.m2 / (state.gaps - 1)) if state.gaps > 1 else math.nan
    z = (since - state.mean) / std if std > 0 else math.nan
    return (float(state.gaps), state.mean, std, state.last, state.longest, since / state.mean, z)
