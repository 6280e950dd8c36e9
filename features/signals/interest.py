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


class Weights(msgspec.Struct, array_like=True, gc=False):
    """Forward-decayed weight by bucket. Weights only grow, so what is asked of them is kept as they do.

    That is the sum of the weights w, the largest, and the sum of w ln w, of which the entropy is made.
    """

    buckets: dict[int, float] = {}
    total: float = 0.0
    top: float = 0.0
    logs: float = 0.0

    def add(self, bucket: int, weight: float) -> None:
        """Add to a bucket's weight; nothing, if it is 0: the event is said to be from antiquity."""
        if not weight:
            return
        old = self.buckets.get(bucket)
        new = self.buckets[bucket] = weight if old is None else old + weight
        self.total += weight
        self.logs += new * log(new) if old is None else new * log(new) - old * log(old)
        if new > self.top:
            self.top = new

    def shares(self) -> tuple[float, float]:
        """The largest share and the entropy: with p = w / total it is ln total - (sum of w ln w) / total."""
        total = self.total
        if len(self.buckets) < 2:
            return (1.0, 0.0) if total else (math.nan, math.nan)
        entropy = log(total) - self.logs / total
        return (self.top / total, max(0.0, entropy))


class State(msgspec.Struct, array_like=True, gc=False):
    """Weights of categories and of brands, orders and those with a discount; 750 bytes at most."""

    categories: Weights | None = None
    brands: Weights | None = None
    orders: int = 0
    discounted: int = 0


def update(state: State, event: Event) -> None:
    """Weigh what was viewed or bought; an empty category or brand says nothing."""
    properties = event.properties
    weight = 2.0 ** ((event.at / DAY - LANDMARK) / HALF_LIFE)
    if event.name == "Product Viewed":
        _weigh(state, properties.category, properties.brand, VIEW_WEIGHT * weight)
        return
    state.orders += 1
    state.discounted += _cheaper(properties)
    for line in properties.products:
        _weigh(state, line.category, line.brand, weight)


def _weigh(state: State, category: str | None, brand: str | None, weight: float) -> None:
    if category:
        if state.categories is None:
            state.categories = Weights()
        state.categories.add(_bucket(category), weight)
    if brand:
        if state.brands is None:
            state.brands = Weights()
        state.brands.add(_bucket(brand), weight)


def _cheaper(order: Properties) -> bool:
    """Whether an order had a discount or a coupon."""
    return (order.discount or 0.0) > 0 or bool(order.coupon) or order.coupon_id is not None


@lru_cache(maxsize=4096)
def _bucket(text: str) -> int:
    return crc32(text.lower().encode()) % BUCKETS


def merge(state: State, other: State) -> None:
    """Add another part of the history."""
    state.categories = _merged(state.categories, other.categories)
    state.brands = _merged(state.brands, other.brands)
    state.orders += other.orders
    state.discounted += other.discounted


def _merged(mine: Weights | None, its: Weights | None) -> Weights | None:
    if its is None:
        return mine
    found = mine or Weights()
    for bucket, weight in its.buckets.items():
        found.add(bucket, weight)
    return found


_MISSING = (math.nan, math.nan)


def value(state: State, now: float) -> tuple[float, ...]:  # noqa: ARG001 (every signal has this form)
    """Largest share and entropy of categories and brands, share of discounted orders; NaN of nothing."""
    categories, brands = state.categories, state.brands
    category_top, category_entropy = _MISSING if categories is None else categories.shares()
    brand_top, brand_entropy = _MISSING if brands is None else brands.shares()
    share = state.discounted / state.orders if state.orders else math.nan
    return (category_top, category_entropy, brand_top, brand_entropy, share)
