"""Recency: how long ago the last order was.

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

EVENTS = frozenset({"Order Completed"})
VALUES = {"recency_days": "days: since the last order"}


class State(msgspec.Struct, array_like=True, gc=False):
    """When the last order was, in Unix seconds; minus infinity if never."""

    last: float = -math.inf


def update(state: State, event: Event) -> None:
    """Remember the newest order."""
    if event.at > state.last:
        state.last = event.at


def value(state: State, now: float) -> tuple[float, ...]:
    """Days since the last order."""
    return ((now - state.last) / DAY if state.last > -math.inf else math.nan,)


def merge(state: State, other: State) -> None:
    """Take up the newer of the two."""
    state.last = max(state.last, other.last)
