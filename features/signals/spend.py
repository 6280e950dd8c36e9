"""Spend: how much money, in all, lately and per order, in the currency of the events.

>>> from features.signals.testing import order
>>> state = State()
>>> update(state, order(day=1, revenue=30.0))
>>> update(state, order(day=50, revenue=10.0))
>>> value(state, now=51 * 86_400.0)
(40.0, 10.0, 40.0, 40.0, 20.0, 10.0)
"""

import math

import msgspec

from ebbtide.domain.event import Event
from features.signals.daily import Daily, day_of

EVENTS = frozenset({"Order Completed"})
VALUES = {
    "spend_total": "money: spent ever",
    "spend_30d": "money: spent in the last 30 days",
    "spend_90d": "money: spent in the last 90 days",
    "spend_365d": "money: spent in the last 365 days",
    "order_value_mean": "money: of an average order",
    "order_value_last": "money: of the last order",
}
YEAR = 365


class State(msgspec.Struct, array_like=True):
    """Money and orders ever, the last order's money and time, money per day of the last year."""

    total: float = 0.0
    orders: int = 0
    last: float = math.nan
    last_at: float = math.nan
    daily: Daily = msgspec.field(default_factory=Daily)


def update(state: State, event: Event) -> None:
    """Add an order's money."""
    worth = event.properties.worth()
    state.total += worth
    state.orders += 1
    if not event.at < state.last_at:
        state.last, state.last_at = worth, event.at
    state.daily.add(day_of(event.at), worth, YEAR)


def value(state: State, now: float) -> tuple[float, ...]:
    """Money in all, per window, per order and of the last order; NaN per order if there was none."""
    today = day_of(now)
    return (
        state.total,
        state.daily.trailing(30, today),
        state.daily.trailing(90, today),
        state.daily.trailing(YEAR, today),
        state.total / state.orders if state.orders else math.nan,
        state.last,
    )
