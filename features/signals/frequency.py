"""Frequency: how many orders, active days and events, in all and lately, and where the numbers are going.

A window of N days is today (UTC) and the N - 1 days before. A day is active if any event fell on it. A trend
compares the rate of the last days with that of the days before: see `Windows`.

The state holds at most 365 days: 6 bytes for each active one and 6 more with an order, 2 more of each after
65,535 events or orders; at most 6 kB.

>>> from features.signals.testing import order
>>> state = State()
>>> for day in (1, 1, 40):
...     update(state, order(day=day))
>>> values = dict(zip(VALUES, value(state, now=41 * 86_400.0)))
>>> values["orders_total"], values["orders_30d"], values["active_days_total"], values["events_90d"]
(3.0, 1.0, 2.0, 3.0)
"""

from bisect import bisect_right

import msgspec

from ebbtide.domain.event import Event
from features.signals.active import Active
from features.signals.counts import Counts
from features.signals.daily import DAY, LONGEST, NO_WINDOWS, YEAR, cuts

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
    """Active days with their events, and orders per day of the last year (None before the first)."""

    active: Active = msgspec.field(default_factory=Active)
    ordered: Counts | None = None


def update(state: State, event: Event) -> None:
    """Count an event, and an order."""
    day = int(event.at // DAY)
    active = state.active
    if active.days and active.days[-1] == day:  # most events; the general way would cost half as much again
        active.totals[-1] += 1
    else:
        active.add(day, 1)
    if event.name == "Order Completed":
        if state.ordered is None:
            state.ordered = Counts()
        state.ordered.add(day, 1)


def value(state: State, now: float) -> tuple[float, ...]:
    """Counts, which are 0 where nothing was, and trends."""
    today, active, ordered = int(now // DAY), state.active, state.ordered
    days, before = active.days, active.before
    if days and days[-1] > today - LONGEST:
        found = cuts(days, today)
        end, d1, d7, d30, _, d90, _, d365 = found
        _, e7, e30, e90, _, trend_7d, trend_30d = active.between(found)
    else:
        end = d1 = d7 = d30 = d90 = len(days)
        d365 = bisect_right(days, today - YEAR)
        _, e7, e30, e90, _, trend_7d, trend_30d = NO_WINDOWS
    orders, lately = (0, NO_WINDOWS) if ordered is None else (ordered.totals[-1], ordered.windows(today))
    o1, o7, o30, o90, o365, orders_trend_7d, orders_trend_30d = lately
    return (  # adding 0.0 makes a float, in a third of the time that a call takes
        orders + 0.0,
        o1,
        o7,
        o30,
        o90,
        o365,
        len(days) + (0.0 if before is None else before.count),
        end - d1 + 0.0,
        end - d7 + 0.0,
        end - d30 + 0.0,
        end - d90 + 0.0,
        end - d365 + 0.0,
        active.totals[-1] + 0.0,
        e7,
        e30,
        e90,
        trend_7d,
        trend_30d,
        orders_trend_7d,
        orders_trend_30d,
    )


def merge(state: State, other: State) -> None:
    """Add the other's counts, day by day."""
    state.active.merge(other.active)
    if other.ordered is not None:
        if state.ordered is None:
            state.ordered = Counts()
        state.ordered.merge(other.ordered)
