"""Decayed counts and sums: each order weighs 2^(-age / half-life), so that the past fades without a window.

>>> from features.signals.testing import order
>>> state = State()
>>> update(state, order(day=0, revenue=8.0))
>>> update(state, order(day=7, revenue=8.0))
>>> [round(x, 3) for x in value(state, now=14 * 86_400.0)]
[0.008, 0.75, 1.574, 1.845, 12.594]
"""

import msgspec

from ebbtide.domain.event import Event
from features.signals.daily import DAY

EVENTS = frozenset({"Order Completed"})
VALUES = {
    "orders_decayed_1d": "count: orders, halved with each day of age",
    "orders_decayed_7d": "count: orders, halved with each 7 days of age",
    "orders_decayed_30d": "count: orders, halved with each 30 days of age",
    "orders_decayed_90d": "count: orders, halved with each 90 days of age",
    "spend_decayed_30d": "money: spent, halved with each 30 days of age",
}
HALF_LIVES = (1.0, 7.0, 30.0, 90.0, 30.0)


class State(msgspec.Struct, array_like=True):
    """The decayed values as they stood at `at` (Unix seconds)."""

    at: float = 0.0
    sums: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(HALF_LIVES))


def update(state: State, event: Event) -> None:
    """Add an order; one older than the newest enters with the weight of its age."""
    amounts = (1.0, 1.0, 1.0, 1.0, event.properties.worth())
    age = (event.at - state.at) / DAY
    if age >= 0:
        state.sums = [
            s * 2.0 ** (-age / life) + amount
            for s, life, amount in zip(state.sums, HALF_LIVES, amounts, strict=True)
        ]
        state.at = event.at
    else:
        state.sums = [
            s + amount * 2.0 ** (age / life)
            for s, life, amount in zip(state.sums, HALF_LIVES, amounts, strict=True)
        ]


def value(state: State, now: float) -> tuple[float, ...]:
    """The values decayed to `now`; 0 is an empty sum here, not a gap."""
    age = (now - state.at) / DAY
    return tuple(s * 2.0 ** (-age / life) for s, life in zip(state.sums, HALF_LIVES, strict=True))
