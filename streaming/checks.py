"""Who is to be looked at, and when: one sorted set in Redis, by the time of each customer's next check.

The flow marks whom it touches; whoever looks at them puts down the next check. So the silent are found when
their time has come, and nobody is polled.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from redis import Redis

DUE = "ebbtide:{checks}:due"
LOOKS = "ebbtide:{checks}:looks"
VERSION = "ebbtide:{checks}:model"
SETTLE = 1.0
"""Seconds from a mark to its check. The mark comes before the state is stored, so that a death between the
two loses none; and a customer busy just now is looked at once, when they pause."""

_DONE = """
redis.call('HSET', KEYS[2], ARGV[1], ARGV[4])
if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[3] == '' then redis.call('ZREM', KEYS[1], ARGV[1])
else redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1]) end
return 1
"""


class Look(msgspec.Struct, frozen=True, array_like=True):
    """What was seen at a check that is told against: its time (Unix seconds) and the probability."""

    at: float
    probability: float


class Due(NamedTuple):
    """A customer whose time has come, and the mark by which it was found."""

    customer: str
    mark: bytes


class Done(NamedTuple):
    """A check that was made, what was seen, and when the next is due; None: not before an event."""

    due: Due
    look: Look
    again: float | None


class Checks:
    """The checks in Redis, over a client that does not decode responses. May be shared by threads.

    All methods raise `redis.RedisError` if Redis does not answer.
    """

    def __init__(self, client: Redis) -> None:
        self._client: Any = client  # redis-py types each answer as sync or async
        self._done = self._client.register_script(_DONE)

    def touch(self, customers: Iterable[str], now: float) -> None:
        """Mark customers of whom something was just heard, in one round trip."""
        if marks := dict.fromkeys(customers, now + SETTLE):
            self._client.zadd(DUE, marks)

    def plan(self, moments: Mapping[str, float]) -> None:
        """Put down checks at moments; one that is due earlier stays."""
        if moments:
            self._client.zadd(DUE, moments, lt=True)

    def due(self, now: float, most: int) -> list[Due]:
        """Customers whose check is due, the longest waiting first. They stay until they are `done`."""
        found = self._client.zrangebyscore(
            DUE, "-inf", now, start=0, num=most, withscores=True, score_cast_func=bytes
        )
        return [Due(customer.decode(), score) for customer, score in found]

    def done(self, checks: Sequence[Done]) -> None:
        """Keep what was seen, and put down the next checks; a mark made meanwhile stays."""
        with self._client.pipeline(transaction=False) as pipe:
            for (customer, mark), look, again in checks:
                args = (customer, mark, "" if again is None else repr(again), msgspec.json.encode(look))
                self._done(keys=[DUE, LOOKS], args=args, client=pipe)
            pipe.execute()

    def drop(self, checks: Sequence[Due]) -> None:
        """Forget customers of whom there is nothing to see."""
        with self._client.pipeline(transaction=False) as pipe:
            for customer, _ in checks:
                pipe.zrem(DUE, customer)
                pipe.hdel(LOOKS, customer)
            pipe.execute()

    def looks(self, customers: Sequence[str]) -> list[Look | None]:
        """The last look at each customer, in their order."""
        raws = self._client.hmget(LOOKS, list(customers)) if customers else []
        return [None if raw is None else msgspec.json.decode(raw, type=Look) for raw in raws]

    def planned_for(self) -> str | None:
        """The model's version for which all customers were put down."""
        found = self._client.get(VERSION)
        return None if found is None else found.decode()

    def set_planned_for(self, version: str) -> None:
        """Remember that they were."""
        self._client.set(VERSION, version)
