"""What is published of products, kept at hand for a while so that most decisions ask Redis for none of it."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
from redis import Redis

from ebbtide.errors import StoreError
from models.copurchase import Item, Scored

ITEMS, NEIGHBOURS, POPULAR = "ebbtide:items", "ebbtide:neighbours", "ebbtide:popular"
"""In Redis: a hash of items and one of neighbours by product, and the popular products; msgpack."""
FRESH_SECONDS = 20.0
"""How long what was read holds: so much later is it known of a new product."""
MOST = 50_000
"""Products kept at hand, of each kind."""


class _Kept(NamedTuple):
    """What was read since `at`; None stands for what is not there."""

    at: float
    popular: list[Scored]
    neighbours: dict[str, list[Scored]]
    names: dict[str, str | None]


class Shelf:
    """Reads what `models.recommendations.publish` left in Redis. For one thread at a time.

    All methods raise StoreError if Redis holds something else, `redis.RedisError` if it does not answer.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis  # redis-py types each answer as sync or async
        self._item = msgspec.msgpack.Decoder(Item)
        self._scored = msgspec.msgpack.Decoder(list[Scored])
        self._kept = _Kept(float("-inf"), [], {}, {})

    def refresh(self, now: float) -> None:
        """Forget what is too old, or too much; `now` in Unix seconds."""
        kept = self._kept
        full = len(kept.neighbours) > MOST or len(kept.names) > MOST
        if full or not 0.0 <= now - kept.at < FRESH_SECONDS:
            popular = _decoded(self._scored, self._redis.get(POPULAR)) or []
            self._kept = _Kept(now, popular, {}, {})

    @property
    def popular(self) -> list[Scored]:
        """The popular products, as of the last `refresh`."""
        return self._kept.popular

    def neighbours(self, products: Iterable[str]) -> Mapping[str, list[Scored]]:
        """What goes with each of these products (and maybe with others), in one round trip at most."""
        known = self._kept.neighbours
        for product, raw in self._missing(NEIGHBOURS, products, known):
            known[product] = _decoded(self._scored, raw) or []
        return known

    def names(self, products: Iterable[str]) -> Mapping[str, str | None]:
        """The name of each of these products (and maybe of others), None for one that is not known."""
        known = self._kept.names
        for product, raw in self._missing(ITEMS, products, known):
            item = _decoded(self._item, raw)
            known[product] = None if item is None else item.name or product
        return known

    def _missing(
        self, key: str, products: Iterable[str], known: Mapping[str, Any]
    ) -> Iterable[tuple[str, bytes | None]]:
        missing = list({product for product in products if product not in known})
        return zip(missing, self._redis.hmget(key, missing), strict=True) if missing else ()


def _decoded(decoder: msgspec.msgpack.Decoder[Any], raw: bytes | None) -> Any:
    try:
        return None if raw is None else decoder.decode(raw)
    except msgspec.MsgspecError as error:
        raise StoreError(f"Redis, {ITEMS}, {NEIGHBOURS} or {POPULAR}: {error}; publish them again") from error
