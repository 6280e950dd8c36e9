"""Calendar: at which times of day and of the week the customer is there, in UTC.

The state is 28 counts: at most 150 bytes, 32 for few events.

>>> from features.signals.testing import order
>>> state = State()
>>> update(state, order(day=2.5))  # Saturday, 3 January 1970, at noon
>>> update(state, order(day=5.0))  # a Tuesday, at midnight
>>> value(state, now=0.0)
(0.5, 0.0, 0.5, 0.0, 0.5)
"""

import math
from operator import add

import msgspec

from ebbtide.domain.event import Event

EVENTS = None
VALUES = {
    "night_share": "ratio: events from 0 to 6 o'clock UTC",
    "morning_share": "ratio: events from 6 to 12 o'clock UTC",
    "afternoon_share": "ratio: events from 12 to 18 o'clock UTC",
    "evening_share": "ratio: events from 18 to 24 o'clock UTC",
    "weekend_share": "ratio: events on Saturdays and Sundays, UTC",
}
QUARTER = 21_600.0
"""Seconds in a quarter of a day."""
WEEK = 28
"""Quarters of days in a week."""
WEEKEND = slice(8, 16)
"""Saturday and Sunday: 1 January 1970, with which the week begins here, was a Thursday."""


class State(msgspec.Struct, array_like=True, gc=False):
    """Events per quarter of the day and day of the week, from Thursday at midnight on."""

    quarters: list[int] = msgspec.field(default_factory=lambda: [0] * WEEK)


def update(state: State, event: Event) -> None:
    """Count an event at its time."""
    state.quarters[int(event.at // QUARTER) % WEEK] += 1


def value(state: State, now: float) -> tuple[float, ...]:  # noqa: ARG001 (every signal has this form)
    """Shares of all events; NaN before the first."""
    quarters = state.quarters
    total = sum(quarters)
    if not total:
        return (math.nan,) * 5
    night, morning, afternoon, evening = (sum(quarters[first::4]) / total for first in range(4))
    return (night, morning, afternoon, evening, sum(quarters[WEEKEND]) / total)


def merge(state: State, other: State) -> None:
    """Add the other's counts."""
    state.quarters = list(map(add, state.quarters, other.quarters))
