"""Who may wait for a product: the customers who viewed it or put it into their cart, lately."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from redis import Redis

from ebbtide import bulk
from ebbtide.domain.item import DAY, MAX_ID
from ebbtide.logs.items import ItemCatalogue

SPAN = 30 * DAY
"""Seconds for which it is known who looked at a product, as views count for so long."""
MOST = 1_000
"""Customers kept of a product, those who looked at it last; 80 to 100 bytes each, 25 while they are few."""


ASKED_EVERY = 20.0
"""Seconds after which it is asked again whether anybody counts stock."""


class Look(NamedTuple):
    """A customer who looked at a product at a moment (Unix seconds, UTC)."""

    product: str
    customer: str
    at: float


class Waiting:
    """A sorted set for each product in Redis, over a client that does not decode responses.

    Whoever is in it may have bought the product since: the flow knows. Nothing is noted before the stock of
    some item is given, for nothing can come back before. May be shared by threads. All methods raise
    `redis.RedisError` if Redis does not answer.
    """

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._tracked, self._asked_at = False, -math.inf

    def put(self, looks: Sequence[Look], now: float) -> None:
        """Note who looked at what by `now` (Unix seconds, UTC); of several looks at one the last counts."""
        if not looks or not self._stock_counts(now):
            return
        by_product: dict[str, dict[str, float]] = defaultdict(dict)
        for product, customer, at in looks:
            if at >= now - SPAN and len(product) <= MAX_ID:  # no item has a longer id
                found = by_product[product]
                found[customer] = max(at, found.get(customer, at))
        bulk.ask(self._client, tuple, list(_commands(by_product)))

    def of(self, product: str, since: float) -> list[str]:
        """Who looked at a product from `since` (Unix seconds, UTC) on."""
        client: Any = self._client  # redis-py types each answer as sync or async
        return [customer.decode() for customer in client.zrangebyscore(key(product), since, "+inf")]

    def _stock_counts(self, now: float) -> bool:
        if not self._tracked and now - self._asked_at >= ASKED_EVERY:
            self._tracked, self._asked_at = ItemCatalogue(self._client).tracked(), now
        return self._tracked


def key(product: str) -> str:
    """The key of the sorted set with who may wait for a product."""
    return f"ebbtide:waiting:{product}"


def _commands(by_product: dict[str, dict[str, float]]) -> Iterator[bulk.Command]:
    for product, found in by_product.items():
        name = key(product)
        scored = [part for customer, at in found.items() for part in (repr(at), customer)]
        yield ("ZADD", name, "GT", *scored)
        yield ("ZREMRANGEBYRANK", name, "0", str(-MOST - 1))
        yield ("EXPIRE", name, str(int(SPAN)))
