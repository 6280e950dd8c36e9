"""The item catalogue: what a shop says of its items, one hash in Redis, with what came back in stock."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from redis import Redis

from ebbtide.domain import item as items
from ebbtide.domain.item import Item, ItemError
from ebbtide.errors import StoreError

CATALOGUE = "ebbtide:{items}:catalogue"
"""A hash by the item's id; MessagePack."""
RESTOCKED = "ebbtide:{items}:restocked"
"""A list of items that came back in stock, until those who wait for them were told."""
TRACKED = "ebbtide:{items}:tracked"
"""Whether the stock of any item was ever given: without it nobody needs to know who waits."""
NEWEST = "ebbtide:{items}:newest"
"""A sorted set of the items described last, by when they were first, in Unix seconds."""
MOST = 1_000
"""Items that are changed at once."""
KEPT_NEWEST = 100
"""Items of which it is known when they were first described."""


class Restock(msgspec.Struct, frozen=True, array_like=True):
    """An item that came back in stock at a moment, having been sold out since another; Unix seconds, UTC."""

    item: str
    at: float
    since: float


class Put(NamedTuple):
    """What became of one item: as it is now, and whether it was unknown before; or what is wrong with it."""

    item: Item | None = None
    new: bool = False
    restocked: bool = False
    fault: str = ""


class ItemCatalogue:
    """Items in Redis, over a client that does not decode responses. May be shared by threads.

    All methods raise `redis.RedisError` if Redis does not answer, and StoreError if it holds something else.
    """

    def __init__(self, client: Redis) -> None:
        self._client: Any = client  # redis-py types each answer as sync or async

    def put(self, given: Sequence[object], now: float) -> list[Put]:
        """Take what is said of items at `now` (Unix seconds, UTC), the good beside the bad; in their order.

        What is left out of an item stays as it was (`ebbtide.domain.item.described`). What came back in stock
        is noted with the change, both or neither.
        """
        ids = [_id_or_fault(each) for each in given]
        wanted = list(dict.fromkeys(each for each in ids if isinstance(each, str)))
        if not wanted:
            return [Put(fault=str(each)) for each in ids]

        def change(pipe: Any) -> list[Put]:
            known = _read(wanted, pipe.hmget(CATALOGUE, wanted))
            before = dict(known)
            answers = [_put(each, one, known, now) for each, one in zip(ids, given, strict=True)]
            pipe.multi()
            _write(pipe, before, known, now)
            return answers

        answers: list[Put] = self._client.transaction(change, CATALOGUE, value_from_callable=True)
        return answers

    def get(self, id_: str) -> Item | None:
        """One item; None if nothing was said of it."""
        return _read([id_], [self._client.hget(CATALOGUE, id_)]).get(id_)

    def many(self, ids: Sequence[str]) -> dict[str, Item]:
        """Those of the items of which something was said."""
        return _read(ids, self._client.hmget(CATALOGUE, ids)) if ids else {}

    def delete(self, id_: str) -> bool:
        """Forget what was said of an item; whether there was anything."""
        with self._client.pipeline() as pipe:
            pipe.hdel(CATALOGUE, id_)
            pipe.zrem(NEWEST, id_)
            return bool(pipe.execute()[0])

    def count(self) -> int:
        """How many items are described."""
        return int(self._client.hlen(CATALOGUE))

    def walk(self) -> Iterator[Item]:
        """All items, in no order; one that changes meanwhile may come twice."""
        for id_, raw in self._client.hscan_iter(CATALOGUE, count=1_000):
            yield _decoded(id_.decode(), raw)

    def unknown(self, ids: Iterable[str]) -> list[str]:
        """Those of the ids of which nothing was said, in their order."""
        found, listed = [], list(ids)
        for start in range(0, len(listed), MOST):
            block = listed[start : start + MOST]
            with self._client.pipeline(transaction=False) as pipe:
                for id_ in block:
                    pipe.hexists(CATALOGUE, id_)
                found += [id_ for id_, there in zip(block, pipe.execute(), strict=True) if not there]
        return found

    def newest(self, since: float) -> list[tuple[str, float]]:
        """The items that were described first from a moment on, the newest first, with when; Unix seconds."""
        found = self._client.zrevrangebyscore(NEWEST, "+inf", since, withscores=True)
        return [(id_.decode(), at) for id_, at in found]

    def tracked(self) -> bool:
        """Whether the stock of any item was ever given."""
        return bool(self._client.exists(TRACKED))

    def restocked(self, most: int) -> list[tuple[Restock, bytes]]:
        """Items that came back in stock, the first ones first, each with the mark by which it is `done`."""
        found = self._client.lrange(RESTOCKED, 0, most - 1)
        return [(msgspec.msgpack.decode(raw, type=Restock), raw) for raw in found]

    def done(self, marks: Iterable[bytes]) -> None:
        """Forget items that came back in stock, once those who wait for them were told."""
        with self._client.pipeline(transaction=False) as pipe:
            for mark in marks:
                pipe.lrem(RESTOCKED, 1, mark)
            pipe.execute()


def _id_or_fault(given: object) -> str | ItemError:
    try:
        return items.item_id(given)
    except ItemError as error:
        return error


def _put(id_: str | ItemError, given: Any, known: dict[str, Item], now: float) -> Put:
    """Note one item among those known."""
    if isinstance(id_, ItemError):
        return Put(fault=str(id_))
    before = known.get(id_)
    try:
        item = items.described(before, given, now)
    except ItemError as error:
        return Put(fault=str(error))
    known[id_] = item
    return Put(item, before is None, _back(before, item))


def _back(before: Item | None, item: Item) -> bool:
    """Whether an item that was sold out has a stock again."""
    return before is not None and before.sold_out and item.stock is not None and not item.sold_out


def _write(pipe: Any, before: dict[str, Item], after: dict[str, Item], now: float) -> None:
    changed = {id_: item for id_, item in after.items() if before.get(id_) != item}
    if changed:
        pipe.hset(CATALOGUE, mapping={id_: items.encode(item) for id_, item in changed.items()})
    if new := dict.fromkeys(changed.keys() - before.keys(), now):
        pipe.zadd(NEWEST, new, nx=True)
        pipe.zremrangebyrank(NEWEST, 0, -KEPT_NEWEST - 1)
    if any(item.stock is not None for item in changed.values()):
        pipe.set(TRACKED, 1)
    back = [
        Restock(id_, now, before[id_].sold_out_since or now)
        for id_, item in changed.items()
        if _back(before.get(id_), item)
    ]
    if back:
        pipe.rpush(RESTOCKED, *map(msgspec.msgpack.encode, back))


def _read(ids: Sequence[str], raws: Sequence[bytes | None]) -> dict[str, Item]:
    pairs = zip(ids, raws, strict=True)
    return {id_: _decoded(id_, raw) for id_, raw in pairs if raw is not None}


def _decoded(id_: str, raw: bytes) -> Item:
    try:
        return items.decode(raw)
    except msgspec.MsgspecError as error:
        raise StoreError(
            f"Redis, {CATALOGUE}, {id_}: expected an item, found something else ({error}); put it again"
        ) from error
