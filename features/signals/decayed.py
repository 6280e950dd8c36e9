"""Decayed sums: what happened weighs 2^(-age / half-life), so that the past fades without a window.

The state is 14 numbers: at most 130 bytes, 40 for a customer without an order.

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

Sums = tuple[float, float, float, float]
NONE: Sums = (0.0, 0.0, 0.0, 0.0)
ONE: Sums = (1.0, 1.0, 1.0, 1.0)


class State(msgspec.Struct, array_like=True, gc=False):
    """The sums, one for each half-life, as they stood at a time (Unix seconds).

    Orders and their money have a time of their own, so that an event without an order is cheap.
    """

    at: float = 0.0
    events: Sums = NONE
    ordered_at: float = 0.0
    orders: Sums | None = None
    spend: Sums | None = None


def update(state: State, event: Event) -> None:
    """Add an event, and an order with its money."""
    at = event.at
    age = state.at - at
    if age <= 0.0:  # most events; `_add` in place, for speed
        a, b, c, d = state.events
        state.events = (
            a * exp2(age * _DAY) + 1.0,
            b * exp2(age * _WEEK) + 1.0,
            c * exp2(age * _MONTH) + 1.0,
            d * exp2(age * _QUARTER) + 1.0,
        )
        state.at = at
    else:
        state.events = _add(ONE, state.events, _factors(-age))
    if event.name == "Order Completed":
        worth = event.properties.worth()
        _take_orders(state, at, ONE, (worth, worth, worth, worth))


def value(state: State, now: float) -> tuple[float, ...]:
    """The sums decayed to `now`; 0 is an empty sum here, not a gap."""
    events = _fade(state.events, _factors(state.at - now))
    if state.orders is None or state.spend is None:
        return events + NONE + NONE
    factors = _factors(state.ordered_at - now)
    return events + _fade(state.orders, factors) + _fade(state.spend, factors)


def merge(state: State, other: State) -> None:
    """Add the other's sums."""
    factors = _factors(-abs(state.at - other.at))
    if state.at <= other.at:
        state.events, state.at = _add(state.events, other.events, factors), other.at
    else:
        state.events = _add(other.events, state.events, factors)
    if other.orders is not None and other.spend is not None:
        _take_orders(state, other.ordered_at, other.orders, other.spend)


def _take_orders(state: State, at: float, orders: Sums, spend: Sums) -> None:
    """Add sums over orders that stood at `at`."""
    own_orders, own_spend = state.orders or NONE, state.spend or NONE
    factors = _factors(-abs(state.ordered_at - at))
    if state.ordered_at <= at:
        state.ordered_at = at
        state.orders, state.spend = _add(own_orders, orders, factors), _add(own_spend, spend, factors)
    else:
        state.orders, state.spend = _add(orders, own_orders, factors), _add(spend, own_spend, factors)


def _factors(age: float) -> Sums:
    """What a time, given as a negative number of seconds, leaves of one, by half-life."""
    if age > _STEEPEST:
        age = _STEEPEST
    return (exp2(age * _DAY), exp2(age * _WEEK), exp2(age * _MONTH), exp2(age * _QUARTER))


def _fade(sums: Sums, factors: Sums) -> Sums:
    """Sums, decayed by the factors."""
    a, b, c, d = sums
    i, j, k, m = factors
    return (a * i, b * j, c * k, d * m)


def _add(old: Sums, new: Sums, factors: Sums) -> Sums:
    """Old sums, decayed by the factors, and new ones."""
    a, b, c, d = old
    e, f, g, h = new
    i, j, k, m = factors
    return (a * i + e, b * j + f, c * k + g, d * m + h)
