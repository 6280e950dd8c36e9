"""Basket: how many lines and units an order has. Orders without `products` say nothing about it.

>>> from features.signals.testing import order
>>> state = State()
>>> update(state, order(day=1, products={"milk": 2, "bread": 1}))
>>> update(state, order(day=2, products={"milk": 1}))
>>> value(state, now=3 * 86_400.0)
(1.5, 1.0, 2.0)
"""

import math

import msgspec

from ebbtide.domain.event import Event
from features.signals.latest import NEVER, Latest

EVENTS = frozenset({"Order Completed"})
VALUES = {
    "basket_lines_mean": "count: lines of an average order",
    "basket_lines_last": "count: lines of the last order",
    "basket_units_mean": "count: units of an average order",
}


class State(msgspec.Struct, array_like=True, gc=False):
    """Orders with lines, their lines and units in all, the newest one's time and lines; 40 bytes."""

    orders: int = 0
    lines: int = 0
    units: float = 0.0
    last: Latest = NEVER


def update(state: State, event: Event) -> None:
    """Count an order's lines and units."""
    products = event.properties.products
    if not products:
        return
    state.orders += 1
    state.lines += len(products)
    state.units += sum([line.quantity for line in products])
    state.last = max(state.last, Latest(event.at, float(len(products))))


def merge(state: State, other: State) -> None:
    """Add another part of the history."""
    state.orders += other.orders
    state.lines += other.lines
    state.units += other.units
    state.last = max(state.last, other.last)


def value(state: State, now: float) -> tuple[float, ...]:  # noqa: ARG001 (every signal has this form)
    """Lines and units per order; NaN before the first order with lines."""
    if not state.orders:
        return (math.nan,) * 3
    return (state.lines / state.orders, state.last.value, state.units / state.orders)
