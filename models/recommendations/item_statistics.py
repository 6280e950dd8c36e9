"""What events say of products, kept as they come: how much each is bought and viewed, and what goes with it.

All counts are decayed with a half-life of 30 days, as a forward decay (Cormode et al., "Forward Decay", ICDE
2009): an event weighs more the later it is, so nothing has to be touched as time passes. What comes at once
is counted at once, in columns: the loops over lines and pairs are those of numpy and scipy.

Memory is bounded: products beyond `kept` are let go of once they are stored, and read again when they come
up; of a product's neighbours the strongest stay.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from ebbtide.domain.event import Event, Product, Properties
from ebbtide.domain.item import Item as Described
from models.recommendations.charts import (
    DAY,
    NEW,
    NEW_DAYS,
    NEWCOMERS,
    VIEW,
    Charts,
    of_country,
    weight,
    weights,
)
from models.recommendations.charts import HALF_LIFE as SHORT
from models.recommendations.item_record import BESIDE, HALF_LIFE, NEAREST, Record
from models.recommendations.items_in_memory import LONGEST, Items
from models.recommendations.pairs import Flags, Floats, Pairs, Places, added, paired

PAIRS = 24
"""Pairs counted of an order: of a large one each product is paired with some others, not with all."""
SHRINKAGE = 1.0
"""Orders of now that are added where a cosine is made: few orders prove little."""
KEPT, KEPT_FOR_MINUTES = 30_000, 100_000
"""Products in memory between batches, with their neighbours, 4 kB each: of a flow, and of what soon ends."""
VIEWERS, LAST_VIEWS, VISIT = 20_000, 3, 3_600.0
"""Customers whose last views are kept, how many, and for how many seconds two views belong together."""
_NEVER: tuple[float, tuple[str, ...]] = (0.0, ())
WAITING = 500_000
"""Pairs and shares in charts that may pile up before they are added to what is known."""


class Told(NamedTuple):
    """An order or a view, its place in the log; who ordered: a newcomer or not, from where."""

    offset: tuple[int, int]
    event: Event
    newcomer: bool = False
    country: str = ""


Read = Callable[[Sequence[str]], list[Record | None]]
Said = Callable[[Sequence[str]], Mapping[str, Described]]
"""What the shop said of products, of those of which it did."""


def nothing_said(products: Sequence[str]) -> Mapping[str, Described]:  # noqa: ARG001
    """Of a shop that described none."""
    return {}


class _Lines(NamedTuple):
    """Events, and the products that they name as lines one after the other.

    Of each event its products, their count, its moment (Unix seconds) and whether it is an order; of each
    line the number of the product and the place of the event.
    """

    products: list[tuple[str, ...]]
    counts: Places
    at: Floats
    ordered: Flags
    numbers: Places
    event: Places


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
        self._items = Items()
        self._together, self._beside = Pairs(NEAREST), Pairs(BESIDE)
        self._shares: list[tuple[Places, Places, Floats]] = []
        self._sharing: dict[str, int] = {}
        """Charts, by name, to which is added: the rows of what piles up in `_shares`."""
        self._waiting = 0
        self._views: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._newest, self._turn = 0.0, 0

    @property
    def changed(self) -> int:
        """How many products have changed since `records` was asked last."""
        return int(np.count_nonzero(self._items.table["changed"]))

    def take(self, told: Sequence[Told]) -> None:
        """Count orders and views; others have no say."""
        self._make_room()
        lines = self._lines(told)
        self._newest = max(self._newest, lines.at.max(initial=0.0))
        if len(lines.numbers):
            self._bring(lines.numbers)
            self._count(lines)
            self._name(told, lines)
            self._pair(told, lines)
            self._pair_views(told, lines)
            self._share(told, lines)
        if self._waiting + self._together.waiting + self._beside.waiting > WAITING:
            self._settle()

    def records(self) -> dict[str, Record]:
        """What to store of the products that have changed since; they take their places in the charts."""
        self._settle()
        numbers = np.flatnonzero(self._items.table["changed"])
        found = self._records(numbers)
        said = self._said(list(found))
        for product, item in found.items():
            kind = said.get(product) or item
            category, brand = kind.category or item.category, kind.brand or item.brand
            self.charts.place(product, item.lately, category, brand)
            if self._newest - item.first < NEW_DAYS * DAY:
                self.charts.put(NEW, product, item.lately)
        self._items.table["changed"][numbers] = False
        return found

    def _make_room(self) -> None:
        """Let go of products if there are too many, of some more at once: it is work for each that stays."""
        items = self._items
        if items.count() <= self._kept or not items.leave(self._kept - self._kept // 4):
            return
        self._settle()
        stays = items.table["here"][: len(items.names)].copy()
        gone = ~stays
        for pairs in (self._together, self._beside):
            pairs.empty(gone)
            stays[pairs.neighbours()] = True
        for pairs in (self._together, self._beside):
            pairs.keep(stays)
        items.keep(stays)

    def _lines(self, told: Sequence[Told]) -> _Lines:
        products = [_products(one.event) for one in told]
        numbers = self._items.numbered(list(chain.from_iterable(products)))
        if numbers.min(initial=0) < 0:
            products = [tuple(one for one in each if len(one) <= LONGEST) for each in products]
            numbers = numbers[numbers >= 0]
        at = np.array([one.event.at for one in told], np.float64)
        ordered = np.array([one.event.name == "Order Completed" for one in told], np.bool_)
        counts = np.fromiter(map(len, products), np.intp, len(products))
        return _Lines(products, counts, at, ordered, numbers, np.repeat(np.arange(len(counts)), counts))

    def _bring(self, numbers: Places) -> None:
        """Have the products at hand."""
        items, self._turn = self._items, self._turn + 1
        unknown = np.unique(numbers[~items.table["here"][numbers]]).tolist()
        records = self._read([items.names[number] for number in unknown]) if unknown else ()
        for number, record in zip(unknown, records, strict=True):
            items.enter(number, record)
            if record is not None:
                for pairs, near in ((self._together, record.together), (self._beside, record.beside)):
                    pairs.put(number, items.numbered(near.products), near)
        items.table["used"][numbers] = self._turn

    def _count(self, lines: _Lines) -> None:
        table, ordered = self._items.table, lines.ordered[lines.event]
        heavy, lately = weights(lines.at, HALF_LIFE)[lines.event], weights(lines.at, SHORT)[lines.event]
        bought, viewed = lines.numbers[ordered], lines.numbers[~ordered]
        np.add.at(table["orders"], bought, heavy[ordered])
        np.add.at(table["views"], viewed, heavy[~ordered])
        np.add.at(table["lately"], lines.numbers, np.where(ordered, lately, VIEW * lately))
        table["changed"][lines.numbers] = True

    def _name(self, told: Sequence[Told], lines: _Lines) -> None:
        """Note when products were seen, and, where a look is due, what they are called."""
        due = self._items.due(lines.numbers, lines.at[lines.event])
        events = lines.event[due]
        nths = due - (np.cumsum(lines.counts) - lines.counts)[events]
        for number, place, nth in zip(
            lines.numbers[due].tolist(), events.tolist(), nths.tolist(), strict=True
        ):
            item, event = self._items.items[number], told[place].event
            if item is not None:
                item.see(event.at, _named(event, lines.products[place], nth))

    def _pair(self, told: Sequence[Told], lines: _Lines) -> None:
        """Count that products were bought together."""
        orders = np.flatnonzero(lines.ordered)
        ids = [told[place].event.id for place in orders.tolist()]
        found = paired(lines.counts[orders], ids, self._pairs)
        numbers = lines.numbers[lines.ordered[lines.event]]
        heavy = weights(lines.at[orders], HALF_LIFE)
        self._together.meet(numbers[found.ones], numbers[found.others], heavy[found.order])

    def _pair_views(self, told: Sequence[Told], lines: _Lines) -> None:
        """Count that products were viewed in one visit."""
        items, viewed = self._items, ~lines.ordered[lines.event]
        places = lines.event[viewed]  # of views, each of which names one product
        before = [
            self._viewed_before(told[place].event, lines.products[place][0]) for place in places.tolist()
        ]
        counts = np.fromiter(map(len, before), np.intp, len(before))
        others = items.numbered(list(chain.from_iterable(before)))
        here = items.table["here"][others]
        ones, heavy = lines.numbers[viewed], weights(lines.at[places], HALF_LIFE)
        self._beside.meet(np.repeat(ones, counts)[here], others[here], np.repeat(heavy, counts)[here])
        items.table["changed"][others[here]] = True

    def _viewed_before(self, event: Event, product: str) -> tuple[str, ...]:
        """What the customer viewed just before, other than this; it is remembered as viewed now."""
        views, now = self._views, event.at
        at, before = views.pop(event.customer, _NEVER)
        if not 0.0 <= now - at <= VISIT:
            before = ()
        elif product in before:
            before = tuple([other for other in before if other != product])
        views[event.customer] = (now, (*before[1 - LAST_VIEWS :], product))
        if len(views) > VIEWERS:
            del views[next(iter(views))]
        return before

    def _share(self, told: Sequence[Told], lines: _Lines) -> None:
        """Note what is to be added to the charts of newcomers and countries."""
        sharing, number = self._sharing, self._sharing.setdefault
        newcomers = [number(NEWCOMERS, len(sharing)) if one.newcomer else -1 for one in told]
        countries = [number(of_country(one.country), len(sharing)) if one.country else -1 for one in told]
        lately = weights(lines.at, SHORT)
        for chart in (np.array(newcomers), np.array(countries)):
            share = lines.ordered & (chart >= 0)
            here = share[lines.event]
            event = lines.event[here]
            self._shares.append((chart[event], lines.numbers[here], lately[event]))
            self._waiting += len(event)

    def _settle(self) -> None:
        """Add what piled up."""
        names = self._items.names
        self._together.settle(len(names))
        self._beside.settle(len(names))
        if self._waiting:
            shares = added(self._shares, (len(self._sharing), len(names)))
            for name, chart in self._sharing.items():
                start, end = shares.indptr[chart : chart + 2]
                products = [names[number] for number in shares.indices[start:end].tolist()]
                if products:
                    self.charts.add(name, dict(zip(products, shares.data[start:end].tolist(), strict=True)))
        self._shares, self._sharing, self._waiting = [], {}, 0

    def _records(self, numbers: Places) -> dict[str, Record]:
        items, held = self._items, SHRINKAGE * weight(self._newest, HALF_LIFE)
        table, names = items.table, items.names
        together = self._together.nearest(numbers, table["orders"], table["here"], held, names)
        beside = self._beside.nearest(numbers, table["views"], table["here"], held, names)
        counted = (table[column][numbers].tolist() for column in ("first", "orders", "views", "lately"))
        found = {}
        for number, first, orders, views, lately, *near in zip(
            numbers.tolist(), *counted, together, beside, strict=True
        ):
            if (item := items.items[number]) is not None:
                said = (item.name, item.category, item.brand, item.price)
                found[names[number]] = Record(*said, first, item.last, orders, views, lately, *near)
        return found


def _products(event: Event) -> tuple[str, ...]:
    """The products that an order or a view is about."""
    if event.name == "Order Completed":
        return event.properties.product_ids
    product = event.properties.id
    return () if product is None else (product,)


def _named(event: Event, products: tuple[str, ...], nth: int) -> Product | Properties:
    """Where an event says what the nth of its products is called: in the first line that is about it."""
    if event.name != "Order Completed":
        return event.properties
    lines = event.properties.products
    if len(lines) == len(products):
        return lines[nth]
    return next(line for line in lines[nth:] if line.id == products[nth])
