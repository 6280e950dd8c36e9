"""Decayed sums: what happened weighs 2^(-age / half-life), so that the past fades without a window.

The state is 15 numbers: at most 140 bytes, 40 for a customer without an order.

>>> from features.signals.testing import order
>>> state = State()
>>> update(state, order(day=0, revenue=8.0))
>>> update(state, order(day=7, revenue=8.0))
>>> values = dict(zip(VALUES, value(state, now=14 * 86_400.0)))
>>> values["events_decayed_7d"], values["orders_decayed_7d"], values["spend_decayed_7d"]
(0.75, 0.75, 6.0)
"""

from math import exp2

import msgspec

from ebbtide.domain.event import Event
from features.signals.daily import DAY

EVENTS = None
VALUES = {
    "events_decayed_1d": "count: events of any kind, halved with each day of age",
    "events_decayed_7d": "count: events of any kind, halved with each 7 days of age",
    "events_decayed_30d": "count: events of any kind, halved with each 30 days of age",
    "events_decayed_90d": "count: events of any kind, halved with each 90 days of age",
    "orders_decayed_1d": "count: orders, halved with each day of age",
    "orders_decayed_7d": "count: orders, halved with each 7 days of age",
    "orders_decayed_30d": "count: orders, halved with each 30 days of age",
    "orders_decayed_90d": "count: orders, halved with each 90 days of age",
    "spend_decayed_1d": "money: spent, halved with each day of age",
    "spend_decayed_7d": "money: spent, halved with each 7 days of age",
    "spend_decayed_30d": "money: spent, halved with each 30 days of age",
    "spend_decayed_90d": "money: spent, halved with each 90 days of age",
}
_DAY, _WEEK, _MONTH, _QUARTER = 1 / DAY, 1 / (7 * DAY), 1 / (30 * DAY), 1 / (90 * DAY)
"""One over each half-life, in seconds."""
_STEEPEST = 500.0 / _DAY
"""Seconds that an event may lie ahead of `now`, at most: what grows further would leave the floats."""

Factors = tuple[float, float, float, float]
"""What a time leaves of one, by half-life."""


class Sums(msgspec.Struct, array_like=True, gc=False):
    """A sum for each half-life, as they stood at a time (Unix seconds)."""

    at: float = 0.0
    day: float = 0.0
    week: float = 0.0
    month: float = 0.0
    quarter: float = 0.0

    def add(self, at: float, amount: float) -> None:
        """Add an amount at a time."""
        age = self.at - at
        if age <= 0.0:
            self.day = self.day * exp2(age * _DAY) + amount
            self.week = self.week * exp2(age * _WEEK) + amount
            self.month = self.month * exp2(age * _MONTH) + amount
            self.quarter = self.quarter * exp2(age * _QUARTER) + amount
            self.at = at
        else:
            self.merge(Sums(at, amount, amount, amount, amount))

    def merge(self, other: "Sums") -> None:
        """Add other sums."""
        i, j, k, m = _factors(-abs(self.at - other.at))
        old, new = (self, other) if self.at <= other.at else (other, self)
        self.day, self.week = old.day * i + new.day, old.week * j + new.week
        self.month, self.quarter = old.month * k + new.month, old.quarter * m + new.quarter
        self.at = new.at

    def faded(self, factors: Factors) -> tuple[float, float, float, float]:
        """The sums times the factors."""
        i, j, k, m = factors
        return (self.day * i, self.week * j, self.month * k, self.quarter * m)


class State(msgspec.Struct, array_like=True, gc=False):
    """Sums over events; over orders and their money, None before the first order."""

    events: Sums = msgspec.field(default_factory=Sums)
    orders: Sums | None = None
    spend: Sums | None = None


def update(state: State, event: Event) -> None:
    """Add an event, and an order with its money."""
    state.events.add(event.at, 1.0)
    if event.name == "Order Completed":
        if state.orders is None or state.spend is None:
            state.orders, state.spend = Sums(), Sums()
        state.orders.add(event.at, 1.0)
        state.spend.add(event.at, event.properties.worth())


def value(state: State, now: float) -> tuple[float, ...]:
    """The sums decayed to `now`; 0 is an empty sum here, not a gap."""
    events, orders, spend = state.events, state.orders, state.spend
    found = events.faded(_factors(events.at - now))
    if orders is None or spend is None:
        return found + _NO_ORDERS
    factors = _factors(orders.at - now)
    return found + orders.faded(factors) + spend.faded(factors)


_NO_ORDERS = (0.0,) * 8


def merge(state: State, other: State) -> None:
    """Add the other's sums."""
    state.events.merge(other.events)
    if other.orders is not None and other.spend is not None:
        if state.orders is None or state.spend is None:
            state.orders, state.spend = Sums(), Sums()
        state.orders.merge(other.orders)
        state.spend.merge(other.spend)


def _factors(age: float) -> Factors:
    """What a time, given as a negative number of seconds, leaves of one, by half-life."""
    if age > _STEEPEST:
        age = _STEEPEST
    return (exp2(age * _DAY), exp2(age * _WEEK), exp2(age * _MONTH), exp2(age * _QUARTER))
