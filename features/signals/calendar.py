"""Calendar: at which times of day and of the week the customer is there, in UTC.

The state is five counts: at most 30 bytes, 7 for few events.

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
QUARTER = 21_600.0
"""Seconds in a quarter of a day."""
WEEK = 28
"""Quarters of days in a week."""
SATURDAY, MONDAY = 8, 16
"""The first quarters of each: 1 January 1970, with which the week begins here, was a Thursday."""


class State(msgspec.Struct, array_like=True, gc=False):
    """Events per quarter of the day, and those of weekends."""

    night: int = 0
    morning: int = 0
    afternoon: int = 0
    evening: int = 0
    weekend: int = 0


def update(state: State, event: Event) -> None:
    """Count an event at its time."""
    quarter = int(event.at // QUARTER)
    of_day = quarter % 4
    if of_day == 0:
        state.night += 1
    elif of_day == 1:
        state.morning += 1
    elif of_day == 2:
        state.afternoon += 1
    else:
        state.evening += 1
    if SATURDAY <= quarter % WEEK < MONDAY:
        state.weekend += 1


def value(state: State, now: float) -> tuple[float, ...]:  # noqa: ARG001 (every signal has this form)
    """Shares of all events; NaN before the first."""
    night, morning, afternoon, evening = state.night, state.morning, state.afternoon, state.evening
    total = night + morning + afternoon + evening
    if not total:
        return (math.nan,) * 5
    return (night / total, morning / total, afternoon / total, evening / total, state.weekend / total)


def merge(state: State, other: State) -> None:
    """Add the other's counts."""
    state.night += other.night
    state.morning += other.morning
    state.afternoon += other.afternoon
    state.evening += other.evening
    state.weekend += other.weekend
