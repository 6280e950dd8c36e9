"""What events say of products, kept as they come: how much each is bought and viewed, and what goes with it.

All counts are decayed with a half-life of 30 days, as a forward decay (Cormode et al., "Forward Decay", ICDE
2009): an event weighs more the later it is, so nothing has to be touched as time passes. What goes together
is the cosine of two products' orders (Linden, Smith and York, "Amazon.com Recommendations", IEEE Internet
Computing 2003), held down where few orders say so.

Memory is bounded: products beyond `kept` are let go of once they are stored, and read again when they come
up; of a product's neighbours the strongest stay.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec

from ebbtide.domain.event import Event, Product, Properties
from ebbtide.domain.item import Item
from models.recommendations.charts import DAY, NEW, NEW_DAYS, NEWCOMERS, VIEW, Charts, of_country, weight
from models.recommendations.charts import HALF_LIFE as SHORT
from models.recommendations.neighbours import Near, let_go, likest, strides, weights

HALF_LIFE = 30.0
"""Days after which an order or a view counts half."""
NEAREST, BESIDE = 20, 10
"""Neighbours stored of a product: bought together, and viewed together."""
PAIRS = 24
"""Pairs counted of an order: of a large one each product is paired with some others, not with all."""
SHRINKAGE = 1.0
"""Orders of now that are added where a cosine is made: few orders prove little."""
KEPT, KEPT_FOR_MINUTES = 30_000, 100_000
"""Products in memory between batches, with their neighbours, 4 kB each: of a flow, and of what soon ends."""
VIEWERS, LAST_VIEWS, VISIT = 20_000, 3, 3_600.0
"""Customers whose last views are kept, how many, and for how many seconds two views belong together."""
LONGEST = 64
"""Letters of a product's id; one with a longer id is not counted. Other texts are cut."""


WEEK = 7 * DAY
"""How long what a product is called is taken for known."""


class Told(NamedTuple):
    """An order or a view, its place in the log; who ordered: a newcomer or not, from where."""

    offset: tuple[int, int]
    event: Event
    newcomer: bool = False
    country: str = ""


class Record(msgspec.Struct, array_like=True, frozen=True):
    """What is stored of a product; `first` and `last` in Unix seconds, UTC, the last to the week.

    `orders` and `views` are decayed with a half-life of 30 days, `lately`, which is both, with that of the
    charts. Some 400 bytes, 2.6 kB at most where ids are of one byte a letter.
    """

    name: str | None
    category: str | None
    brand: str | None
    price: float | None
    first: float
    last: float
    orders: float
    views: float
    lately: float
    together: Near = Near()
    beside: Near = Near()


class _Item:
    """A product in memory; neighbours with their weights."""

    __slots__ = (
        *("beside", "brand", "category", "first", "last", "lately", "name", "orders", "price", "together"),
        *("until", "views"),
    )

    def __init__(self, record: Record | None) -> None:
        self.name: str | None = None
        self.category: str | None = None
        self.brand: str | None = None
        self.price: float | None = None
        self.first, self.last = float("inf"), float("-inf")
        self.orders = self.views = self.lately = 0.0
        self.together: dict[str, float] = {}
        self.beside: dict[str, float] = {}
        if record is not None:
            self.name, self.category, self.brand = record.name, record.category, record.brand
            self.price, self.first, self.last = record.price, record.first, record.last
            self.orders, self.views, self.lately = record.orders, record.views, record.lately
            self.together, self.beside = weights(record.together), weights(record.beside)
        self.until = self.last + WEEK
        """Until when `first`, `last` and what it is called need no look."""

    def see(self, at: float, named: Product | Properties) -> None:
        """Note a moment, and what the product is called."""
        if at < self.first:
            self.first = at
        if at >= self.last:
            self.last, self.until = at, at + WEEK
            if named.name:
                self.name = named.name[:LONGEST]
            if named.category:
                self.category = named.category[:LONGEST]
            if named.brand:
                self.brand = named.brand[:LONGEST]
            if named.price is not None:
                self.price = named.price


Read = Callable[[Sequence[str]], list[Record | None]]
Said = Callable[[Sequence[str]], Mapping[str, Item]]
"""What the shop said of products, of those of which it did."""


def nothing_said(products: Sequence[str]) -> Mapping[str, Item]:  # noqa: ARG001
    """Of a shop that described none."""
    return {}


class ItemStatistics:
    """Products in memory, read where they are not, with the charts of what is bought.

    Args:
        read: gives what is stored of products, None for those that are not.
        charts: of what is bought now.
        kept: products in memory between batches.
        pairs: counted of an order, at least one of each product.
        said: gives what the shop said of products: its category and brand win over those of events.
    """

    def __init__(
        self, read: Read, charts: Charts, kept: int = KEPT, pairs: int = PAIRS, said: Said = nothing_said
    ) -> None:
        self._read, self.charts, self._kept, self._pairs = read, charts, kept, pairs
        self._said = said
        self._items: dict[str, _Item] = {}
        self._changed: set[str] = set()
        self._views: dict[str, tuple[float, list[str]]] = {}
        self._newest = 0.0

    @property
    def changed(self) -> int:
        """How many products have changed since `records` was asked last."""
        return len(self._changed)

    def take(self, told: Sequence[Told]) -> None:
        """Count orders and views; others have no say."""
        self._bring(told)
        for one in told:
            event = one.event
            if event.at > self._newest:
                self._newest = event.at
            if event.name == "Order Completed":
                self._order(one)
            else:
                self._view(event)

    def records(self) -> dict[str, Record]:
        """What to store of the products that have changed since; they take their places in the charts."""
        now = weight(self._newest, HALF_LIFE)
        found = {product: self._record(self._items[product], now) for product in self._changed}
        said = self._said(list(found))
        for product, item in found.items():
            kind = said.get(product) or item
            category, brand = kind.category or item.category, kind.brand or item.brand
            self.charts.place(product, item.lately, category, brand)
            if self._newest - item.first < NEW_DAYS * DAY:
                self.charts.put(NEW, product, item.lately)
        self._changed.clear()
        return found

    def _bring(self, told: Sequence[Told]) -> None:
        """Have the products at hand that are named, the newest use last; others may be let go of."""
        items = self._items
        for product in list(islice(items, max(len(items) - self._kept, 0))):
            if product not in self._changed:
                del items[product]
        named = {product: None for one in told for product in _products(one.event)}
        unknown = []
        for product in named:
            item = items.pop(product, None)
            if item is None:
                unknown.append(product)
            else:
                items[product] = item
        for product, record in zip(unknown, self._read(unknown) if unknown else (), strict=True):
            items[product] = _Item(record)

    def _order(self, one: Told) -> None:
        event, items = one.event, self._items
        products = _products(event)
        if not products:
            return
        at, lines = event.at, event.properties.products
        heavy, lately = weight(at, HALF_LIFE), weight(at, SHORT)
        if len(lines) != len(products):
            named = {line.id: line for line in lines}
            lines = tuple(named[product] for product in products)
        bought = [items[product] for product in products]
        for item, line in zip(bought, lines, strict=True):
            item.orders += heavy
            item.lately += lately
            if not item.first <= at <= item.until:
                item.see(at, line)
        _pair(bought, products, heavy, strides(len(products), self._pairs, event.id))
        self._changed.update(products)
        if one.newcomer:
            self.charts.add(NEWCOMERS, products, lately)
        if one.country:
            self.charts.add(of_country(one.country), products, lately)

    def _view(self, event: Event) -> None:
        for product in _products(event):  # one at most
            item, heavy = self._items[product], weight(event.at, HALF_LIFE)
            item.views += heavy
            item.lately += VIEW * weight(event.at, SHORT)
            if not item.first <= event.at <= item.until:
                item.see(event.at, event.properties)
            self._changed.add(product)
            for other in self._viewed_before(event, product):
                if (its := self._items.get(other)) is not None:
                    for one, name in ((item, other), (its, product)):
                        one.beside[name] = one.beside.get(name, 0.0) + heavy
                        if len(one.beside) > 6 * BESIDE:
                            one.beside = let_go(one.beside, BESIDE)
                    self._changed.add(other)

    def _viewed_before(self, event: Event, product: str) -> list[str]:
        """What the customer viewed just before, other than this; it is remembered as viewed now."""
        at, before = self._views.pop(event.customer, (0.0, []))
        if not 0.0 <= event.at - at <= VISIT:
            before = []
        others = [other for other in before if other != product]
        self._views[event.customer] = (event.at, [*others[-LAST_VIEWS + 1 :], product])
        if len(self._views) > VIEWERS:
            del self._views[next(iter(self._views))]
        return others

    def _record(self, item: _Item, now: float) -> Record:
        items, held = self._items, SHRINKAGE * now

        def orders(other: str) -> float:
            its = items.get(other, item)
            return its.orders + held

        def views(other: str) -> float:
            its = items.get(other, item)
            return its.views + held

        return Record(
            *(item.name, item.category, item.brand, item.price, item.first, item.last),
            *(item.orders, item.views, item.lately),
            likest(item.together, item.orders + held, orders, NEAREST),
            likest(item.beside, item.views + held, views, BESIDE),
        )


def _products(event: Event) -> tuple[str, ...]:
    """The products that an order or a view is about."""
    if event.name == "Order Completed":
        found = event.properties.product_ids
        return found if max(map(len, found), default=0) <= LONGEST else tuple(_short(found))
    product = event.properties.id
    return (product,) if product is not None and len(product) <= LONGEST else ()


def _short(products: Iterable[str]) -> Iterator[str]:
    return (product for product in products if len(product) <= LONGEST)


def _pair(bought: Sequence[_Item], products: tuple[str, ...], heavy: float, strides: Iterable[int]) -> None:
    """Count that products were bought together: each with those so many lines away."""
    count = len(products)
    for stride in strides:
        others, names = [*bought[stride:], *bought[:stride]], products[stride:] + products[:stride]
        ones = bought[:stride] if 2 * stride == count else bought  # half an order apart each pair comes twice
        for one, other, its_name, name in zip(ones, others, names, products, strict=False):
            near = one.together
            near[its_name] = near.get(its_name, 0.0) + heavy
            near = other.together
            near[name] = near.get(name, 0.0) + heavy
    for item in bought:
        if len(item.together) > 6 * NEAREST:
            item.together = let_go(item.together, NEAREST)
