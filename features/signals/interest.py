"""Interest: how much one category and one brand stand out, and whether orders wait for a discount.

Views weigh 0.25 and lines of orders 1, halved with each 90 days of age, as a forward decay (Cormode et al.,
"Forward Decay", ICDE 2009): the factor for the present moment is the same for all and falls out of shares.
Texts fall into 32 buckets by a hash, whatever their case, so the state is bounded however many there are.
Entropy is Shannon's, in nats: 0 for one bucket only, ln 32 = 3.47 for all alike.

>>> from ebbtide.domain.event import Product
>>> state = State()
>>> lines = (Product(category="Tea", brand="x"), Product(category="tea"), Product(category="Pots"))
>>> update(state, Event("1", "c", "Order Completed", 0.0, Properties(products=lines, discount=2.0)))
>>> update(state, Event("2", "c", "Product Viewed", 0.0, Properties(category="TEA")))
>>> [round(x, 3) for x in value(state, now=86_400.0)]
[0.692, 0.617, 1.0, 0.0, 1.0]
"""

import math
from functools import lru_cache
from math import log
from operator import mul
from zlib import crc32

import msgspec

from ebbtide.domain.event import Event, Properties
from features.signals.daily import DAY

EVENTS = frozenset({"Product Viewed", "Order Completed"})
VALUES = {
    "category_top_share": "ratio: decayed weight of the category viewed and bought most over that of all",
    "category_entropy": "nats: entropy of the categories viewed and bought",
    "brand_top_share": "ratio: decayed weight of the brand viewed and bought most over that of all",
    "brand_entropy": "nats: entropy of the brands viewed and bought",
    "discounted_order_share": "ratio: orders with a discount or a coupon over orders, ever",
}
BUCKETS = 32
HALF_LIFE = 90.0
VIEW_WEIGHT = 0.25
LANDMARK = 18_262
"""2020-01-01, as a day since 1970-01-01; any day would do, one in the past keeps the numbers small."""

Weights = dict[int, float]
"""Forward-decayed weight by bucket."""


class State(msgspec.Struct, array_like=True, gc=False):
    """Weights of categories and of brands, orders and those with a discount; 700 bytes at most."""

    categories: Weights = {}
    brands: Weights = {}
    orders: int = 0
    discounted: int = 0


def update(state: State, event: Event) -> None:
    """Weigh what was viewed or bought; an empty category or brand says nothing."""
    properties = event.properties
    weight = 2.0 ** ((event.at / DAY - LANDMARK) / HALF_LIFE)
    if event.name == "Product Viewed":
        if properties.category:
            _add(state.categories, properties.category, VIEW_WEIGHT * weight)
        if properties.brand:
            _add(state.brands, properties.brand, VIEW_WEIGHT * weight)
        return
    state.orders += 1
    state.discounted += _cheaper(properties)
    for line in properties.products:
        if line.category:
            _add(state.categories, line.category, weight)
        if line.brand:
            _add(state.brands, line.brand, weight)


def _cheaper(order: Properties) -> bool:
    """Whether an order had a discount or a coupon."""
    return (order.discount or 0.0) > 0 or bool(order.coupon) or order.coupon_id is not None


def _add(weights: Weights, text: str, weight: float) -> None:
    if weight:  # 0 if the event is said to be from antiquity
        bucket = _bucket(text)
        weights[bucket] = weights.get(bucket, 0.0) + weight


@lru_cache(maxsize=4096)
def _bucket(text: str) -> int:
    return crc32(text.lower().encode()) % BUCKETS


def merge(state: State, other: State) -> None:
    """Add another part of the history."""
    for weights, added in ((state.categories, other.categories), (state.brands, other.brands)):
        for bucket, weight in added.items():
            weights[bucket] = weights.get(bucket, 0.0) + weight
    state.orders += other.orders
    state.discounted += other.discounted


def value(state: State, now: float) -> tuple[float, ...]:  # noqa: ARG001 (every signal has this form)
    """Largest share and entropy of categories and brands, share of discounted orders; NaN of nothing."""
    share = state.discounted / state.orders if state.orders else math.nan
    return (*_shares(state.categories), *_shares(state.brands), share)


def _shares(weights: Weights) -> tuple[float, float]:
    """The largest share and the entropy, which with p = w / total is ln total - (sum of w ln w) / total."""
    if not weights:
        return (math.nan, math.nan)
    if len(weights) == 1:
        return (1.0, 0.0)
    each = weights.values()
    total = sum(each)
    return (max(each) / total, max(0.0, log(total) - sum(map(mul, each, map(log, each))) / total))
