"""Frequency: how many orders, active days and events, in all and lately, and where the numbers are going.

A window of N days is today (UTC) and the N - 1 days before. A day is active if any event fell on it. A trend
compares the rate of the last days with that of the days before: see `Windows`.

The state holds at most 365 days: 5 bytes for each active one and 4 more with an order, at most 3.5 kB.

>>> from features.signals.testing import order
>>> state = State()
>>> for day in (1, 1, 40):
...     update(state, order(day=day))
>>> values = dict(zip(VALUES, value(state, now=41 * 86_400.0)))
>>> values["orders_total"], values["orders_30d"], values["active_days_total"], values["events_90d"]
(3.0, 1.0, 2.0, 3.0)
"""

import msgspec

from ebbtide.domain.event import Event
from features.signals.daily import DAY, Active, Daily, day_of, sums_over

EVENTS = None
VALUES = {
    "orders_total": "count: orders ever",
    "orders_1d": "count: orders in the last day",
    "orders_7d": "count: orders in the last 7 days",
    "orders_30d": "count: orders in the last 30 days",
    "orders_90d": "count: orders in the last 90 days",
    "orders_365d": "count: orders in the last 365 days",
    "active_days_total": "count: days with an event, ever",
    "active_days_1d": "count: days with an event, in the last day",
    "active_days_7d": "count: days with an event, in the last 7 days",
    "active_days_30d": "count: days with an event, in the last 30 days",
    "active_days_90d": "count: days with an event, in the last 90 days",
    "active_days_365d": "count: days with an event, in the last 365 days",
    "events_total": "count: events of any kind ever",
    "events_7d": "count: events of any kind in the last 7 days",
    "events_30d": "count: events of any kind in the last 30 days",
    "events_90d": "count: events of any kind in the last 90 days",
    "events_trend_7d": "-1 to 1: events a day in the last 7 days against the 28 before",
    "events_trend_30d": "-1 to 1: events a day in the last 30 days against the 90 before",
    "orders_trend_7d": "-1 to 1: orders a day in the last 7 days against the 28 before",
    "orders_trend_30d": "-1 to 1: orders a day in the last 30 days against the 90 before",
}


class State(msgspec.Struct, array_like=True, gc=False):
    """Events and orders ever, active days with their events, orders per day of the last year."""

    events: int = 0
    orders: int = 0
    active: Active = msgspec.field(default_factory=Active)
    ordered: Daily = msgspec.field(default_factory=Daily)


def update(state: State, event: Event) -> None:
    """Count an event, and an order."""
    day = int(event.at // DAY)
    state.events += 1
    daily = state.active.daily
    if daily.days and daily.days[-1] == day:  # most events; the general way would cost half as much again
        daily.sums[-1] += 1
    else:
        state.active.add(day, 1)
    if event.name == "Order Completed":
        state.orders += 1
        state.ordered.add(day, 1)


def value(state: State, now: float) -> tuple[float, ...]:
    """Counts, which are 0 where nothing was, and trends."""
    today = day_of(now)
    active = state.active.daily
    end, c1, c7, c30, _, c90, _, c365 = cuts = active.cuts(today)
    _, events_7d, events_30d, events_90d, _, events_trend_7d, events_trend_30d = sums_over(active.sums, cuts)
    d1, d7, d30, d90, d365, trend_7d, trend_30d = state.ordered.windows(today)
    return (
        float(state.orders),
        d1,
        d7,
        d30,
        d90,
        d365,
        float(state.active.total),
        float(end - c1),
        float(end - c7),
        float(end - c30),
        float(end - c90),
        float(end - c365),
        float(state.events),
        events_7d,
        events_30d,
        events_90d,
        events_trend_7d,
        events_trend_30d,
        trend_7d,
        trend_30d,
    )


def merge(state: State, other: State) -> None:
    """Add the other's counts, day by day."""
    state.events += other.events
    state.orders += other.orders
    state.active.merge(other.active)
    state.ordered.merge(other.ordered)
