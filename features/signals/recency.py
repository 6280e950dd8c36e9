"""Recency: how long ago the last order was.

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


class State(msgspec.Struct, array_like=True):
    """When the last order was, in Unix seconds; NaN if never."""

    last: float = math.nan


def update(state: State, event: Event) -> None:
    """Remember the newest order."""
    if not event.at <= state.last:
        state.last = event.at


def value(state: State, now: float) -> tuple[float, ...]:
    """Days since the last order."""
    return ((now - state.last) / DAY,)
