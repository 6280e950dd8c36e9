"""What Redis has of products, kept at hand for a while so that most decisions ask Redis for none of it."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
from redis import Redis

from ebbtide import bulk
from ebbtide.domain.item import Item
from ebbtide.logs.items import ItemCatalogue
from models.recommendations.charts import ALL, DAY, NEW, NEW_DAYS, VIEW
from models.recommendations.charts import HALF_LIFE as SHORT
from models.recommendations.charts import weight as weight_at
from models.recommendations.item_record import Near, Record
from models.recommendations.item_store import CHARTS, RECORDS, Chart, decoded

FRESH_SECONDS = 20.0
"""How long what was read holds: so much later is it known of a new product."""
MOST = 50_000
"""Products kept at hand, of each kind."""


class Facts(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The beginning of a `Record`: what a product is called, and when it was first seen (Unix seconds)."""

    name: str | None
    category: str | None
    brand: str | None
    price: float | None
    first: float


class Neighbours(NamedTuple):
    """What is bought and viewed together with a product, with the likeness from 0 to 1; what it is."""

    together: list[tuple[str, float]]
    beside: list[tuple[str, float]]
    facts: Item


class Arrival(NamedTuple):
    """A new product, when it was first seen (Unix seconds), and its weight in the chart of all."""

    product: str
    first: float
    weight: float


class _Kept(NamedTuple):
    """What was read since `at`; None stands for what is not there."""

    at: float
    charts: dict[str, Chart]
    facts: dict[str, Facts | None]
    neighbours: dict[str, Neighbours | None]
    arrivals: list[Arrival]
    unseen: list[Arrival]
    items: dict[str, Item]
    described: bool


class Shelf:
    """Reads what `models.recommendations.item_store` left in Redis. For one thread at a time.

    All methods raise StoreError if Redis holds something else, `redis.RedisError` if it does not answer.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._catalogue = ItemCatalogue(redis)
        self._kept = _Kept(float("-inf"), {}, {}, {}, [], [], {}, described=False)

    def refresh(self, now: float) -> None:
        """Forget what is too old, or too much; `now` in Unix seconds."""
        kept = self._kept
        full = len(kept.neighbours) > MOST or len(kept.facts) > MOST
        if full or not 0.0 <= now - kept.at < FRESH_SECONDS:
            described = self._catalogue.count() > 0
            kept = self._kept = _Kept(now, {}, {}, {}, [], [], {}, described)
            charts = self.charts((ALL, NEW))
            facts = self.facts(product for product, _ in charts[NEW])
            for product, weight in charts[NEW]:
                if (known := facts[product]) is not None:
                    kept.arrivals.append(Arrival(product, known.first, weight))
            kept.unseen.extend(self._unseen(now) if described else ())
            kept.arrivals.extend(kept.unseen)

    @property
    def arrivals(self) -> list[Arrival]:
        """The new products, best first, as of the last `refresh`."""
        return self._kept.arrivals

    @property
    def unseen(self) -> list[Arrival]:
        """Those of them that the shop described and nobody has seen yet, as of the last `refresh`."""
        return self._kept.unseen

    def charts(self, names: Iterable[str]) -> Mapping[str, Chart]:
        """Each of these charts (and maybe others), best first; empty where there is none."""
        known = self._kept.charts
        for name, raw in self._missing(CHARTS, names, known):
            known[name] = decoded(_chart, raw) or []
        return known

    def facts(self, products: Iterable[str]) -> Mapping[str, Facts | None]:
        """The facts of each of these products (and maybe of others), None for one that is not known."""
        known = self._kept.facts
        for product, raw in self._missing(RECORDS, products, known):
            known[product] = decoded(_facts, raw)
        return known

    def items(self, products: Iterable[str]) -> Mapping[str, Item]:
        """What is known of each of these products (and maybe of others) as items.

        What the shop said of one wins over what orders say.
        """
        known = self._kept.items
        missing = [product for product in set(products) if product not in known]
        if missing:
            facts = self.facts(missing)
            said = self._catalogue.many(missing) if self._kept.described else {}
            known.update((product, _item(product, said.get(product), facts[product])) for product in missing)
        return known

    def neighbours(self, products: Iterable[str]) -> Mapping[str, Neighbours | None]:
        """What goes with each of these products (and maybe with others), None for one that is not known."""
        known = self._kept.neighbours
        found = {product: decoded(_record, raw) for product, raw in self._missing(RECORDS, products, known)}
        self._kept.facts.update((product, _facts_of(record)) for product, record in found.items())
        items = self.items(found)
        for product, record in found.items():
            known[product] = None
            if record is not None:
                together, beside = _likeness(record.together), _likeness(record.beside)
                known[product] = Neighbours(together, beside, items[product])
        return known

    def _unseen(self, now: float) -> list[Arrival]:
        """Items that were described lately and that no event was about: they weigh as if viewed once."""
        newest = self._catalogue.newest(now - NEW_DAYS * DAY)
        facts = self.facts(product for product, _ in newest)
        return [
            Arrival(product, at, VIEW * weight_at(at, SHORT))
            for product, at in newest
            if facts[product] is None
        ]

    def _missing(
        self, key: str, fields: Iterable[str], known: Mapping[str, Any]
    ) -> Iterable[tuple[str, bytes | None]]:
        missing = [field for field in set(fields) if field not in known]
        if not missing:
            return ()
        [found] = bulk.ask(self._redis, tuple, [("HMGET", key, *missing)])
        return zip(missing, found, strict=True)


def _facts_of(record: Record | None) -> Facts | None:
    if record is None:
        return None
    return Facts(record.name, record.category, record.brand, record.price, record.first)


def _item(product: str, said: Item | None, facts: Facts | None) -> Item:
    """An item, by what was said of it and by what orders say."""
    item = said or Item(product)
    if facts is None:
        return item
    return msgspec.structs.replace(
        item,
        name=item.name or facts.name,
        category=item.category or facts.category,
        brand=item.brand or facts.brand,
        price=facts.price if item.price is None else item.price,
    )


def _likeness(near: Near) -> list[tuple[str, float]]:
    return [(product, each / 255.0) for product, each in zip(near.products, near.likeness, strict=True)]


_chart = msgspec.msgpack.Decoder(Chart)
_facts = msgspec.msgpack.Decoder(Facts)
_record = msgspec.msgpack.Decoder(Record)
