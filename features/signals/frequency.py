"""Frequency: how many orders, in all and lately, and on how many days.

A window of N days is today (UTC) and the N - 1 days before.

>>> from features.signals.testing import order
>>> state = State()
>>> for day in (1, 1, 40):
...     update(state, order(day=day))
>>> value(state, now=41 * 86_400.0)
(3.0, 2.0, 0.0, 1.0, 3.0, 3.0)
"""

import msgspec

from ebbtide.domain.event import Event
from features.signals.daily import Daily, day_of

EVENTS = frozenset({"Order Completed"})
VALUES = {
    "orders_total": "count: orders ever",
    "purchase_days": "count: different days with an order, in the last 365 days",
    "orders_1d": "count: orders in the last day",
    "orders_30d": "count: orders in the last 30 days",
    "orders_90d": "count: orders in the last 90 days",
    "orders_365d": "count: orders in the last 365 days",
}
YEAR = 365


class State(msgspec.Struct, array_like=True):
    """Orders ever, and orders per day of the last year."""

    total: int = 0
    daily: Daily = msgspec.field(default_factory=Daily)


def update(state: State, event: Event) -> None:
    """Count an order."""
    state.total += 1
    state.daily.add(day_of(event.at), 1, YEAR)


def value(state: State, now: float) -> tuple[float, ...]:
    """Orders in all and per window; 0 is a count here, not a gap."""
    today = day_of(now)
    daily = state.daily
    return (
        float(state.total),
        float(sum(day > today - YEAR for day in daily.days)),
        daily.trailing(1, today),
        daily.trailing(30, today),
        daily.trailing(90, today),
        daily.trailing(YEAR, today),
    )
