"""Repertoire: the products that the customer keeps buying, how many different ones, and how often the same.

Each product's weight is a decayed count with a half-life of 90 days, kept as a forward decay (Cormode et
al., "Forward Decay", ICDE 2009): orders weigh 2^(age of the landmark / half-life), so nothing has to be
touched as time passes. The 32 heaviest products are kept, for recommendations.

How many different products were bought is known exactly up to 40; of more it is estimated by linear counting
(Whang et al., "A Linear-Time Probabilistic Counting Algorithm", ACM TODS 15, 1990): each sets one of m = 512
bits, and with z bits left unset the estimate is -m ln(z / m). It is within a few percent up to some 1,000
products, 3,194 at most.

>>> from features.signals.testing import order
>>> state = State()
>>> update(state, order(day=19_000, products={"milk": 1, "tea": 1}))
>>> update(state, order(day=19_090, products={"milk": 1}))
>>> [round(x, 3) for x in value(state, now=19_090 * 86_400.0)]
[2.0, 0.333]
>>> [(product, round(weight, 2), last // 86_400) for product, weight, last in held(state, 19_090 * 86_400.0)]
[('milk', 1.5, 19090.0), ('tea', 0.5, 19000.0)]
"""

import math
from collections.abc import Iterable
from functools import lru_cache
from operator import or_
from zlib import crc32

import msgspec

from ebbtide.domain.event import Event
from features.signals.daily import DAY, day_of

EVENTS = frozenset({"Order Completed"})
VALUES = {
    "products_distinct": "count: different products bought ever, estimated beyond 40",
    "repeat_share": "ratio: 1 - different products bought over lines bought, ever",
}
KEEP, SPARE = 32, 8
"""Products held, and how many more may pile up before the lightest are let go: most orders need no search."""
HALF_LIFE = 90.0
LANDMARK = 18_262
"""2020-01-01, as a day since 1970-01-01; any day would do, one in the past keeps the numbers small."""
BITS = 512


Held = int | tuple[float, int]
"""The forward-decayed weight of a product and the day on which it was last bought; if it was bought once, as
most are, the day alone, which says the weight as well."""


class State(msgspec.Struct, array_like=True, gc=False):
    """The products held, the lines bought (a product once per order), the bits of all once some are let go.

    1 kB at most, 10 bytes for a product bought once, 20 for another.
    """

    products: dict[str, Held] = {}
    lines: int = 0
    bits: bytearray | None = None


def update(state: State, event: Event) -> None:
    """Add an order's products; the lightest are let go."""
    bought = event.properties.product_ids()
    day = day_of(event.at)
    products = state.products
    for product in bought:
        kept = products.get(product)
        products[product] = day if kept is None else _both(kept, day)
    state.lines += len(bought)
    if state.bits is not None:
        _set(state.bits, bought)
    if len(products) > KEEP + SPARE:
        _let_go(state)


def _weight(held: Held) -> float:
    return 2.0 ** ((held - LANDMARK) / HALF_LIFE) if isinstance(held, int) else held[0]


def _both(left: Held, right: Held) -> Held:
    """The purchases of both."""
    days = [held if isinstance(held, int) else held[1] for held in (left, right)]
    return (_weight(left) + _weight(right), max(days))


def _let_go(state: State) -> None:
    """Keep the heaviest products; from now on only bits tell how many there were."""
    if state.bits is None:
        state.bits = bytearray(BITS // 8)
        _set(state.bits, state.products)
    rows = sorted([(_weight(kept), name) for name, kept in state.products.items()])
    for _, product in rows[:-KEEP]:
        del state.products[product]


def _set(bits: bytearray, products: Iterable[str]) -> None:
    for product in products:
        bit = _bit(product)
        bits[bit >> 3] |= 1 << (bit & 7)


@lru_cache(maxsize=8192)
def _bit(product: str) -> int:
    return crc32(product.encode()) % BITS


def merge(state: State, other: State) -> None:
    """Add another part of the history."""
    if state.bits is not None:
        _set(state.bits, other.products)
    for product, added in other.products.items():
        kept = state.products.get(product)
        state.products[product] = added if kept is None else _both(kept, added)
    state.lines += other.lines
    if len(state.products) > KEEP + SPARE or (other.bits and not state.bits):
        _let_go(state)
    if other.bits is not None and state.bits is not None:
        state.bits = bytearray(map(or_, state.bits, other.bits))


def value(state: State, now: float) -> tuple[float, ...]:  # noqa: ARG001 (every signal has this form)
    """Different products bought, and the share of repeated lines (NaN before the first line)."""
    if not state.lines:
        return (0.0, math.nan)
    if state.bits is None:
        distinct = float(len(state.products))
    else:
        unset = BITS - int.from_bytes(state.bits, "big").bit_count()
        distinct = BITS * math.log(BITS / max(unset, 1))
    return (distinct, min(max(1.0 - distinct / state.lines, 0.0), 1.0))


def held(state: State, now: float) -> list[tuple[str, float, float]]:
    """(product, weight decayed to `now`, last bought in Unix seconds of that day), the 32 heaviest first."""
    fade = 2.0 ** (-(now / DAY - LANDMARK) / HALF_LIFE)
    rows = [
        (product, _weight(kept) * fade, (kept if isinstance(kept, int) else kept[1]) * DAY)
        for product, kept in state.products.items()
    ]
    return sorted(rows, key=lambda row: (-row[1], row[0]))[:KEEP]
