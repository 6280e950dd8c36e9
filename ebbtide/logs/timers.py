"""Timers: when each customer's rules are to be judged next, if nothing is heard of them before."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from redis import Redis

TIMERS = "ebbtide:{triggers}:timers"
HEARD = "ebbtide:{triggers}:heard"
_DONE = """
if redis.call('ZSCORE', KEYS[1], ARGV[1]) == ARGV[2] then return redis.call('ZREM', KEYS[1], ARGV[1]) end
return 0
"""


class Timer(NamedTuple):
    """A customer whose time has come: when that was (Unix seconds), and the mark by which it was found."""

    customer: str
    at: float
    mark: bytes


class Heard(msgspec.Struct, frozen=True, array_like=True):
    """The time of the newest event of a batch, and that at which the batch was applied; Unix seconds."""

    newest: float
    at: float


class Timers:
    """A sorted set in Redis by moment, over a client that does not decode responses.

    All methods raise `redis.RedisError` if Redis does not answer.
    """

    def __init__(self, client: Redis) -> None:
        self._client: Any = client  # redis-py types each answer as sync or async
        self._done = self._client.register_script(_DONE)

    def put(self, moments: Mapping[str, float | None]) -> None:
        """Put down the next moment of each customer (Unix seconds), instead of the one before; None: none."""
        with self._client.pipeline(transaction=False) as pipe:
            if set_ := {customer: at for customer, at in moments.items() if at is not None}:
                pipe.zadd(TIMERS, set_)
            if over := [customer for customer, at in moments.items() if at is None]:
                pipe.zrem(TIMERS, *over)
            pipe.execute()

    def heard(self, partition: int, newest: float, now: float) -> None:
        """Note how far events tell the time in a partition of the log, and when that was heard."""
        self._client.hset(HEARD, str(partition), msgspec.json.encode(Heard(newest, now)))

    def last_heard(self) -> dict[int, Heard]:
        """What was heard last in each partition that had an event."""
        found = self._client.hgetall(HEARD)
        return {int(partition): msgspec.json.decode(raw, type=Heard) for partition, raw in found.items()}

    def due(self, now: float, most: int) -> list[Timer]:
        """Timers whose moment has come, the longest waiting first. They stay until they are `done`."""
        found = self._client.zrangebyscore(
            TIMERS, "-inf", now, start=0, num=most, withscores=True, score_cast_func=bytes
        )
        return [Timer(customer.decode(), float(mark), mark) for customer, mark in found]

    def done(self, timers: Sequence[Timer]) -> None:
        """Forget timers; one that was put down anew meanwhile stays."""
        with self._client.pipeline(transaction=False) as pipe:
            for customer, _, mark in timers:
                self._done(keys=[TIMERS], args=[customer, mark], client=pipe)
            pipe.execute()
