"""Repertoire: the products that the customer keeps buying, how many different ones, and how often the same.

Each product's weight is a decayed count with a half-life of 90 days, kept as a forward decay (Cormode et
al., "Forward Decay", ICDE 2009): orders weigh 2^(age of the landmark / half-life), so nothing has to be
touched as time passes. The 32 heaviest products are kept, for recommendations.

How many different products were bought is estimated by linear counting (Whang et al., "A Linear-Time
Probabilistic Counting Algorithm", ACM TODS 15, 1990): each sets one of m = 512 bits, and with z bits left
unset the estimate is -m ln(z / m). It is within a few percent up to some 1,000 products, 3,194 at most.

>>> from features.signals.testing import order
>>> state = State()
>>> update(state, order(day=19_000, products={"milk": 1, "tea": 1}))
>>> update(state, order(day=19_090, products={"milk": 1}))
>>> [round(x, 3) for x in value(state, now=19_090 * 86_400.0)]
[2.004, 0.332]
>>> [(product, round(weight, 2), last // 86_400) for product, weight, last in held(state, 19_090 * 86_400.0)]
[('milk', 1.5, 19090.0), ('tea', 0.5, 19000.0)]
"""

import math
from zlib import crc32

import msgspec

from ebbtide.domain.event import Event
from features.signals.daily import DAY, day_of

EVENTS = frozenset({"Order Completed"})
VALUES = {
    "products_distinct": "count: different products bought ever, estimated",
    "repeat_share": "ratio: 1 - different products bought over lines bought, ever",
}
KEEP, SPARE = 32, 8
"""Products held, and how many more may pile up before the lightest are let go: most orders need no search."""
HALF_LIFE = 90.0
LANDMARK = 18_262
"""2020-01-01, as a day since 1970-01-01; any day would do, one in the past keeps the numbers small."""
BITS = 512


class Held(msgspec.Struct, array_like=True, gc=False):
    """A product's forward-decayed weight and the day on which it was last bought."""

    weight: float
    day: int


class State(msgspec.Struct, array_like=True, gc=False):
    """The products held, the lines bought (a product once per order) and the bits set; 1 kB."""

    products: dict[str, Held] = {}
    lines: int = 0
    bits: bytearray = msgspec.field(default_factory=lambda: bytearray(BITS // 8))


def update(state: State, event: Event) -> None:
    """Add an order's products; the lightest are let go."""
    day = day_of(event.at)
    weight = 2.0 ** ((day - LANDMARK) / HALF_LIFE)
    products, bits = state.products, state.bits
    for product in dict.fromkeys(line.id for line in event.properties.products):
        if product is None:
            continue
        state.lines += 1
        bit = crc32(product.encode()) % BITS
        bits[bit >> 3] |= 1 << (bit & 7)
        kept = products.get(product)
        if kept is None:
            products[product] = Held(weight, day)
        else:
            kept.weight += weight
            if day > kept.day:
                kept.day = day
    if len(products) > KEEP + SPARE:
        _let_go(products)


def _let_go(products: dict[str, Held]) -> None:
    rows = sorted([(kept.weight, name) for name, kept in products.items()])
    for _, product in rows[: max(len(products) - KEEP, 0)]:
        del products[product]


def merge(state: State, other: State) -> None:
    """Add another part of the history."""
    products = state.products
    for product, added in other.products.items():
        kept = products.setdefault(product, Held(0.0, added.day))
        kept.weight += added.weight
        kept.day = max(kept.day, added.day)
    _let_go(products)
    state.lines += other.lines
    state.bits = bytearray(mine | theirs for mine, theirs in zip(state.bits, other.bits, strict=True))


def value(state: State, now: float) -> tuple[float, ...]:  # noqa: ARG001 (every signal has this form)
    """Different products bought, and the share of repeated lines (NaN before the first line)."""
    unset = BITS - int.from_bytes(state.bits, "big").bit_count()
    distinct = BITS * math.log(BITS / max(unset, 1))
    repeats = min(max(1.0 - distinct / state.lines, 0.0), 1.0) if state.lines else math.nan
    return (distinct, repeats)


def held(state: State, now: float) -> list[tuple[str, float, float]]:
    """(product, weight decayed to `now`, last bought in Unix seconds of that day), the 32 heaviest first."""
    fade = 2.0 ** (-(now / DAY - LANDMARK) / HALF_LIFE)
    rows = [(product, kept.weight * fade, kept.day * DAY) for product, kept in state.products.items()]
    return sorted(rows, key=lambda row: (-row[1], row[0]))[:KEEP]
