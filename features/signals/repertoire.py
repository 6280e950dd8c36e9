"""Repertoire: the products that the customer keeps buying.

Each product's weight is a decayed count with a half-life of 90 days, kept as a forward decay (Cormode et
al., "Forward Decay", ICDE 2009): orders weigh 2^(age of the landmark / half-life), so nothing has to be
touched as time passes. The 32 heaviest products are kept.

>>> from features.signals.testing import order
>>> state = State()
>>> update(state, order(day=19_000, products={"milk": 1, "tea": 1}))
>>> update(state, order(day=19_090, products={"milk": 1}))
>>> value(state, now=19_090 * 86_400.0)
(2.0, 0.333)
>>> [(product, round(weight, 2), last // 86_400) for product, weight, last in held(state, 19_090 * 86_400.0)]
[('milk', 1.5, 19090.0), ('tea', 0.5, 19000.0)]
"""

import math
from heapq import nsmallest

import msgspec

from ebbtide.domain.event import Event
from features.signals.daily import DAY, day_of

EVENTS = frozenset({"Order Completed"})
VALUES = {
    "repertoire_size": "count: products kept in the repertoire, 32 at most",
    "repeat_share": "ratio: lines bought that were in the repertoire before, to three digits",
}
KEEP = 32
HALF_LIFE = 90.0
LANDMARK = 18_262
"""2020-01-01, as a day since 1970-01-01; any day would do, one in the past keeps the numbers small."""


class Held(msgspec.Struct, array_like=True):
    """A product's forward-decayed weight and the day on which it was last bought."""

    weight: float
    day: int


class State(msgspec.Struct, array_like=True):
    """The products held, the lines bought, and how many of them were repeats."""

    products: dict[str, Held] = {}
    lines: int = 0
    repeats: int = 0


def update(state: State, event: Event) -> None:
    """Add an order's products; the lightest ones beyond 32 are let go."""
    day = day_of(event.at)
    weight = 2.0 ** ((day - LANDMARK) / HALF_LIFE)
    for product in {line.id for line in event.properties.products}:
        if product is None:
            continue
        state.lines += 1
        kept = state.products.get(product)
        if kept is None:
            state.products[product] = Held(weight, day)
        else:
            state.repeats += 1
            kept.weight += weight
            kept.day = max(kept.day, day)
    excess = len(state.products) - KEEP
    if excess > 0:
        for _, product in nsmallest(excess, ((kept.weight, name) for name, kept in state.products.items())):
            del state.products[product]


def value(state: State, now: float) -> tuple[float, ...]:  # noqa: ARG001 (every signal has this form)
    """Size of the repertoire and share of repeated lines (NaN before the first line)."""
    share = round(state.repeats / state.lines, 3) if state.lines else math.nan
    return (float(len(state.products)), share)


def held(state: State, now: float) -> list[tuple[str, float, float]]:
    """(product, weight decayed to `now`, last bought in Unix seconds of that day), heaviest first."""
    fade = 2.0 ** (-(now / DAY - LANDMARK) / HALF_LIFE)
    rows = [(product, kept.weight * fade, kept.day * DAY) for product, kept in state.products.items()]
    return sorted(rows, key=lambda row: (-row[1], row[0]))
