"""Tenure: how long the customer has been known.

The state is one number: 10 bytes.

>>> from features.signals.testing import order
>>> state = State()
>>> update(state, order(day=3))
>>> value(state, now=10 * 86_400.0)
(7.0,)
"""

import math

import msgspec

from ebbtide.domain.event import Event
from features.signals.daily import DAY

EVENTS = None
VALUES = {"tenure_days": "days: since the first event of any kind"}


class State(msgspec.Struct, array_like=True, gc=False):
    """When the first event was, in Unix seconds; infinite if never."""

    first: float = math.inf


def update(state: State, event: Event) -> None:
    """Remember the oldest event."""
    if event.at < state.first:
        state.first = event.at


def value(state: State, now: float) -> tuple[float, ...]:
    """Days since the first event."""
    return ((now - state.first) / DAY if state.first < math.inf else math.nan,)


def merge(state: State, other: State) -> None:
    """Take up the older of the two."""
    state.first = min(state.first, other.first)
