"""Spend: how much money, in all, lately and per order, in the currency of the events.

A window of N days is today (UTC) and the N - 1 days before. For trends see `Windows`. Refunds are not
taken off. The state holds at most 365 days with an order: 12 bytes each, at most 4.5 kB.

>>> from features.signals.testing import order
>>> state = State()
>>> update(state, order(day=1, revenue=30.0))
>>> update(state, order(day=50, revenue=10.0))
>>> [round(x, 3) for x in value(state, now=51 * 86_400.0)]
[40.0, 0.0, 10.0, 10.0, 40.0, 40.0, 20.0, 10.0, 1.0, 0.0]
"""

import math

import msgspec

from ebbtide.domain.event import Event
from features.signals.daily import Daily, day_of
from features.signals.latest import NEVER, Latest

EVENTS = frozenset({"Order Completed"})
VALUES = {
    "spend_total": "money: spent ever",
    "spend_1d": "money: spent in the last day",
    "spend_7d": "money: spent in the last 7 days",
    "spend_30d": "money: spent in the last 30 days",
    "spend_90d": "money: spent in the last 90 days",
    "spend_365d": "money: spent in the last 365 days",
    "order_value_mean": "money: of an average order",
    "order_value_last": "money: of the last order",
    "spend_trend_7d": "-1 to 1: spend a day in the last 7 days against the 28 before",
    "spend_trend_30d": "-1 to 1: spend a day in the last 30 days against the 90 before",
}


class State(msgspec.Struct, array_like=True, gc=False):
    """Money and orders ever, the last order's time and money, money per day of the last year."""

    total: float = 0.0
    orders: int = 0
    last: Latest = NEVER
    daily: Daily = msgspec.field(default_factory=Daily)


def update(state: State, event: Event) -> None:
    """Add an order's money; of orders at the same time the larger is the last."""
    worth = event.properties.worth()
    state.total += worth
    state.orders += 1
    state.last = max(state.last, Latest(event.at, worth))
    state.daily.add(day_of(event.at), worth)


def value(state: State, now: float) -> tuple[float, ...]:
    """Money in all, per window, per order and of the last order; NaN per order if there was none."""
    d1, d7, d30, d90, d365, trend_7d, trend_30d = state.daily.windows(day_of(now))
    mean = state.total / state.orders if state.orders else math.nan
    return (state.total, d1, d7, d30, d90, d365, mean, state.last.value, trend_7d, trend_30d)


def merge(state: State, other: State) -> None:
    """Add the other's money, day by day."""
    state.total += other.total
    state.orders += other.orders
    state.last = max(state.last, other.last)
    state.daily.merge(other.daily)
