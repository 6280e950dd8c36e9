"""Trend: the last days against those before, for orders and spend, as a difference of rates over their sum.

With r the rate per day in the last N days and q that in the M days before, the trend is (r - q) / (r + q):
-1 means stopped, 0 steady, 1 begun; NaN if there was nothing in either.

>>> from features.signals.testing import order
>>> state = State()
>>> for day in (1, 8, 15, 22, 29, 31, 33):
...     update(state, order(day=day, revenue=10.0))
>>> [round(x, 3) for x in value(state, now=34 * 86_400.0)]
[0.5, 0.895, 0.5, 0.895]
"""

import math

import msgspec

from ebbtide.domain.event import Event
from features.signals.daily import Daily, day_of

EVENTS = frozenset({"Order Completed"})
VALUES = {
    "orders_trend_7d": "-1 to 1: orders a day in the last 7 days against the 28 before",
    "orders_trend_30d": "-1 to 1: orders a day in the last 30 days against the 90 before",
    "spend_trend_7d": "-1 to 1: spend a day in the last 7 days against the 28 before",
    "spend_trend_30d": "-1 to 1: spend a day in the last 30 days against the 90 before",
}
SPAN = 120


class State(msgspec.Struct, array_like=True):
    """Orders and money per day of the last 120 days."""

    orders: Daily = msgspec.field(default_factory=Daily)
    spend: Daily = msgspec.field(default_factory=Daily)


def update(state: State, event: Event) -> None:
    """Add an order to its day."""
    day = day_of(event.at)
    state.orders.add(day, 1, SPAN)
    state.spend.add(day, event.properties.worth(), SPAN)


def value(state: State, now: float) -> tuple[float, ...]:
    """The four trends."""
    today = day_of(now)
    return (
        _trend(state.orders, today, 7, 28),
        _trend(state.orders, today, 30, 90),
        _trend(state.spend, today, 7, 28),
        _trend(state.spend, today, 30, 90),
    )


def _trend(daily: Daily, today: int, recent: int, before: int) -> float:
    rate = daily.trailing(recent, today) / recent
    past = daily.between(today - recent - before + 1, today - recent) / before
    return (rate - past) / (rate + past) if rate + past > 0 else math.nan
