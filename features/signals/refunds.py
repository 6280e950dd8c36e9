"""Refunds: what was given back, and how long ago.

The state is four numbers: at most 40 bytes.

>>> from features.signals.testing import order
>>> state = State()
>>> update(state, order(day=1, revenue=30.0))
>>> update(state, order(day=4, revenue=15.0, name="Order Refunded"))
>>> value(state, now=6 * 86_400.0)
(1.0, 0.5, 2.0)
"""

import math

import msgspec

from ebbtide.domain.event import Event
from features.signals.daily import DAY

EVENTS = frozenset({"Order Completed", "Order Refunded"})
VALUES = {
    "refunds_total": "count: refunds ever",
    "refund_share": "ratio: money refunded over money spent, ever",
    "refund_recency_days": "days: since the last refund",
}


class State(msgspec.Struct, array_like=True, gc=False):
    """Money spent, refunds and the money in them, and when the last one was (Unix seconds)."""

    spent: float = 0.0
    refunds: int = 0
    refunded: float = 0.0
    last: float = -math.inf


def update(state: State, event: Event) -> None:
    """Count an order's or a refund's money."""
    if event.name == "Order Completed":
        state.spent += event.properties.worth()
        return
    state.refunds += 1
    state.refunded += abs(event.properties.worth())
    state.last = max(state.last, event.at)


def value(state: State, now: float) -> tuple[float, ...]:
    """Refunds in all, their share of the money spent (NaN if none was) and days since the last."""
    share = state.refunded / state.spent if state.spent > 0 else math.nan
    since = (now - state.last) / DAY if state.refunds else math.nan
    return (float(state.refunds), share, since)


def merge(state: State, other: State) -> None:
    """Add the other's money and refunds."""
    state.spent += other.spent
    state.refunds += other.refunds
    state.refunded += other.refunded
    state.last = max(state.last, other.last)
