"""Timers: when each customer's rules are to be judged next, if nothing is heard of them before."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from redis import Redis

TIMERS = "ebbtide:{triggers}:timers"
_DONE = """
if redis.call('ZSCORE', KEYS[1], ARGV[1]) == ARGV[2] then return redis.call('ZREM', KEYS[1], ARGV[1]) end
return 0
"""


class Timer(NamedTuple):
    """A customer whose time has come: when that was (Unix seconds), and the mark by which it was found."""

    customer: str
    at: float
    mark: bytes


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
