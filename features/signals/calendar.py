"""Calendar: at which times of day and of the week the customer is there, in UTC.

The state is five counts: at most 26 bytes.

>>> from features.signals.testing import order
>>> state = State()
>>> update(state, order(day=2.5))  # Saturday, 3 January 1970, at noon
>>> update(state, order(day=5.0))  # a Tuesday, at midnight
>>> value(state, now=0.0)
(0.5, 0.0, 0.5, 0.0, 0.5)
"""

import math

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
_QUARTER = 21_600.0
_THURSDAY = 3
"""The place in its week of 1 January 1970, Monday being 0."""


class State(msgspec.Struct, array_like=True):
    """Events per quarter of the day, from midnight on, and events on weekends."""

    quarters: list[int] = msgspec.field(default_factory=lambda: [0, 0, 0, 0])
    weekend: int = 0


def update(state: State, event: Event) -> None:
    """Count an event at its time."""
    quarter = int(event.at // _QUARTER)
    state.quarters[quarter & 3] += 1
    if ((quarter >> 2) + _THURSDAY) % 7 > 4:
        state.weekend += 1


def value(state: State, now: float) -> tuple[float, ...]:  # noqa: ARG001 (every signal has this form)
    """Shares of all events; NaN before the first."""
    total = sum(state.quarters)
    if not total:
        return (math.nan,) * 5
    return (*(count / total for count in state.quarters), state.weekend / total)


def merge(state: State, other: State) -> None:
    """Add the other's counts."""
    state.quarters = [mine + its for mine, its in zip(state.quarters, other.quarters, strict=True)]
    state.weekend += other.weekend
