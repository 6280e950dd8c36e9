"""The triggers that fired: a log of all for followers, and per customer those that stand.

A trigger is known by its id, which comes from customer, rule and cause: stored again, it changes nothing. So
whoever died between firing and storing fires again.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from redis import Redis

from ebbtide.domain.ingest import parse_time
from ebbtide.domain.trigger import STAGE_ENTERED, Fired
from ebbtide.errors import StoreError

LOG = "ebbtide:{triggers}:log"
IDS = "ebbtide:{triggers}:ids"
SINCE = "ebbtide:{triggers}:since"
LOG_LENGTH = 100_000
"""Triggers that the log keeps."""
IDS_KEPT = 200_000
"""Ids that are remembered: far more than the flow can fire between two commits."""
_PAGE = 200

_PUT = """
if redis.call('ZADD', KEYS[2], 'NX', ARGV[2], ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'raw', ARGV[3])
if redis.call('ZCARD', KEYS[2]) > tonumber(ARGV[5]) then redis.call('ZPOPMIN', KEYS[2]) end
return 1
"""
_STAND = """
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if redis.call('TTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('EXPIRE', KEYS[1], ARGV[3]) end
"""


class TriggerLog:
    """Fired triggers in Redis, over a client that does not decode responses. May be shared by threads.

    All methods raise `redis.RedisError` if Redis does not answer.
    """

    def __init__(self, client: Redis, *, length: int = LOG_LENGTH) -> None:
        self._client: Any = client  # redis-py types each answer as sync or async
        self._length = length
        self._put = self._client.register_script(_PUT)
        self._stand = self._client.register_script(_STAND)

    def put(self, fired: Sequence[Fired], now: float) -> int:
        """Keep what fired, each once, in one round trip; returns how many were new.

        What has expired by `now` (Unix seconds, UTC) is logged, and does not stand.
        """
        if not fired:
            return 0
        with self._client.pipeline(transaction=False) as pipe:
            for one in fired:
                raw = msgspec.json.encode(one)
                left = parse_time(one.expires_at, "expiresAt") - now
                if left > 0 and one.rule != STAGE_ENTERED:
                    stands = (one.rule, raw, int(left) + 1)
                    self._stand(keys=[key(one.customer_id)], args=stands, client=pipe)
                args = (one.trigger_id, now, raw, self._length, IDS_KEPT)
                self._put(keys=[LOG, IDS], args=args, client=pipe)
            found = pipe.execute()
        return sum(1 for answer in found if answer == 1)

    def open_of(self, customer: str, now: float) -> list[Fired]:
        """What stands for a customer at `now` (Unix seconds, UTC): of each rule the last that fired.

        Raises:
            StoreError: what is stored is not a trigger.
        """
        return unexpired(self._client.hvals(key(customer)), now)

    def walk(self, before: str | None = None) -> Iterator[tuple[str, Fired]]:
        """Triggers with their places, the newest first; behind a place, if one is given.

        Raises:
            StoreError: what is stored is not a trigger.
        """
        highest = "+" if before is None else f"({before}"
        while True:
            found = self._client.xrevrange(LOG, highest, "-", count=_PAGE)
            yield from ((id_.decode(), _fired(fields[b"raw"])) for id_, fields in found)
            if len(found) < _PAGE:
                return
            highest = f"({found[-1][0].decode()}"

    def newest(self) -> str:
        """The place behind which nothing is yet."""
        found = self._client.xrevrange(LOG, count=1)
        return found[0][0].decode() if found else "0-0"

    def behind(self, after: str) -> list[tuple[str, Fired]]:
        """What was logged behind a place, each with its own place, some at a time; never waits.

        Raises:
            StoreError: what is stored is not a trigger.
        """
        found = self._client.xrange(LOG, f"({after}", "+", count=_PAGE)
        return [(id_.decode(), _fired(fields[b"raw"])) for id_, fields in found]

    def in_force_since(self, version: str, now: float) -> float:
        """When rules of a version came into force, in Unix seconds: the first time that this was asked."""
        self._client.hsetnx(SINCE, version, repr(now))
        return float(self._client.hget(SINCE, version))


def key(customer: str) -> str:
    """The key of the hash with what stands for a customer: by rule, the last that fired."""
    return f"ebbtide:triggers:of:{customer}"


def unexpired(raws: Sequence[bytes], now: float) -> list[Fired]:
    """Those of a customer's hash that stand at `now` (Unix seconds, UTC).

    Raises:
        StoreError: what is stored is not a trigger.
    """
    found = map(_fired, raws)
    return [one for one in found if parse_time(one.expires_at, "expiresAt") > now]


def _fired(raw: bytes) -> Fired:
    try:
        return msgspec.json.decode(raw, type=Fired)
    except msgspec.MsgspecError as error:
        raise StoreError(f"Redis, {LOG}: expected a trigger, found something else ({error})") from error
