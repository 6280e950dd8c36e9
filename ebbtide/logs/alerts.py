"""The alerts: open ones by value at risk, cleared ones by time, and a log of every change for followers.

All of it lies in Redis, under keys of one hash slot. Each change is one script, so a death in the middle of
it changes nothing; and it holds only if nobody was faster, so that two watchers do no harm.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from redis import Redis

from ebbtide.domain.alert import Alert, ClearedBy, Status
from ebbtide.domain.ingest import iso
from ebbtide.errors import StoreError

OPEN = "ebbtide:{alerts}:open"
CLEARED = "ebbtide:{alerts}:cleared"
BODIES = "ebbtide:{alerts}:bodies"
LAST = "ebbtide:{alerts}:last"
LOG = "ebbtide:{alerts}:log"
MOST_OPEN = 100_000
"""Open alerts kept; beyond them the one with the least value at risk is let go."""
MOST_CLEARED = 100_000
LOG_LENGTH = 100_000
_PAGE = 200

_FORGET = """
local function forget(id)
  local body = redis.call('HGET', KEYS[2], id)
  if not body then return end
  local customer = cjson.decode(body)['customerId']
  local last = redis.call('HGET', KEYS[3], customer)
  if last and string.find(last, id, 1, true) then redis.call('HDEL', KEYS[3], customer) end
  redis.call('HDEL', KEYS[2], id)
end
local function log(body, length)
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', length, '*', 'raw', body)
end
"""
_RAISE = (
    _FORGET
    + """
if (redis.call('HGET', KEYS[3], ARGV[2]) or '') ~= ARGV[6] then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
redis.call('HSET', KEYS[3], ARGV[2], ARGV[5])
redis.call('ZADD', KEYS[1], ARGV[4], ARGV[1])
log(ARGV[3], ARGV[7])
if redis.call('ZCARD', KEYS[1]) > tonumber(ARGV[8]) then forget(redis.call('ZPOPMIN', KEYS[1])[1]) end
return 1
"""
)
_CLEAR = (
    _FORGET
    + """
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
redis.call('HSET', KEYS[3], ARGV[2], ARGV[5])
redis.call('ZADD', KEYS[5], ARGV[4], ARGV[1])
log(ARGV[3], ARGV[6])
if redis.call('ZCARD', KEYS[5]) > tonumber(ARGV[7]) then forget(redis.call('ZPOPMIN', KEYS[5])[1]) end
return 1
"""
)


class Last(msgspec.Struct, frozen=True):
    """A customer's last alert; times in Unix seconds, `cleared` None while it is open."""

    alert_id: str
    raised: float
    cleared: float | None = None


class Place(NamedTuple):
    """Where an alert stands in its order: the score (value at risk, or time of clearing) and its id."""

    score: float
    alert_id: str


class AlertLog:
    """Alerts in Redis, over a client that does not decode responses. May be shared by threads.

    All methods raise `redis.RedisError` if Redis does not answer.
    """

    def __init__(
        self, client: Redis, *, most_open: int = MOST_OPEN, most_cleared: int = MOST_CLEARED
    ) -> None:
        self._client: Any = client  # redis-py types each answer as sync or async
        self._most_open, self._most_cleared = most_open, most_cleared
        self._raise = self._client.register_script(_RAISE)
        self._clear = self._client.register_script(_CLEAR)

    def last(self, customers: Sequence[str]) -> list[Last | None]:
        """The last alert of each customer, in their order; None if there was none, or it was let go."""
        raws = self._client.hmget(LAST, list(customers)) if customers else []
        return [None if raw is None else msgspec.json.decode(raw, type=Last) for raw in raws]

    def put(self, alert: Alert, raised: float, before: Last | None) -> bool:
        """Keep a new alert, raised at `raised` (Unix seconds), if the customer's last one is still `before`.

        Returns whether it was kept.
        """
        known = b"" if before is None else msgspec.json.encode(before)
        last = msgspec.json.encode(Last(alert.alert_id, raised))
        body = msgspec.json.encode(alert)
        found = self._raise(
            keys=[OPEN, BODIES, LAST, LOG],
            args=[
                *(alert.alert_id, alert.customer_id, body, alert.value_at_risk),
                *(last, known, LOG_LENGTH, self._most_open),
            ],
        )
        return bool(found)

    def clear(self, last: Last, by: ClearedBy, at: float) -> bool:
        """Clear an open alert at a moment (Unix seconds, UTC). Returns whether it was open."""
        alert = self.get(last.alert_id)
        if alert is None:
            return False
        cleared = msgspec.structs.replace(alert, status=Status.CLEARED, cleared_at=iso(at), cleared_by=by)
        kept = msgspec.json.encode(Last(last.alert_id, last.raised, at))
        found = self._clear(
            keys=[OPEN, BODIES, LAST, LOG, CLEARED],
            args=[
                *(alert.alert_id, alert.customer_id, msgspec.json.encode(cleared), at),
                *(kept, LOG_LENGTH, self._most_cleared),
            ],
        )
        return bool(found)

    def get(self, alert_id: str) -> Alert | None:
        """One alert by its id; None if there is none, or it was let go.

        Raises:
            StoreError: what is stored is not an alert.
        """
        raw = self._client.hget(BODIES, alert_id)
        return None if raw is None else _alert(raw)

    def walk(
        self, status: Status, after: Place | None = None, least: float = 0.0
    ) -> Iterator[tuple[Place, Alert]]:
        """Alerts with their places: open ones by value at risk, cleared ones by time, the highest first.

        Args:
            status: which of the two.
            after: begin behind this place.
            least: of open ones, the least value at risk.

        Raises:
            StoreError: what is stored is not an alert.
        """
        key = OPEN if status is Status.OPEN else CLEARED
        lowest = least if status is Status.OPEN else "-inf"
        skip = 0
        while True:
            # By score and not by rank, for alerts come and go between two pages.
            highest = "+inf" if after is None else repr(after.score)
            found = self._client.zrevrangebyscore(
                key, highest, lowest, start=skip, num=_PAGE, withscores=True
            )
            places = [Place(score, raw.decode()) for raw, score in found]
            fresh = [place for place in places if after is None or place < after]
            raws = self._client.hmget(BODIES, [place.alert_id for place in fresh]) if fresh else []
            yield from ((p, _alert(raw)) for p, raw in zip(fresh, raws, strict=True) if raw is not None)
            if len(places) < _PAGE:
                return
            after, skip = (fresh[-1], 0) if fresh else (after, skip + _PAGE)

    def count(self, status: Status) -> int:
        """How many alerts there are of a status."""
        return int(self._client.zcard(OPEN if status is Status.OPEN else CLEARED))

    def newest(self) -> str:
        """The place in the log behind which nothing is yet."""
        found = self._client.xrevrange(LOG, count=1)
        return found[0][0].decode() if found else "0-0"

    def follow(self, after: str, *, wait: float) -> list[tuple[str, Alert]]:
        """What was logged behind a place, each with its own place; waits up to `wait` seconds for the first.

        Raises:
            StoreError: what is stored is not an alert.
        """
        found = self._client.xread({LOG: after}, count=_PAGE, block=max(int(wait * 1000), 1))
        return [(id_.decode(), _alert(fields[b"raw"])) for _, lines in found or () for id_, fields in lines]


def _alert(raw: bytes) -> Alert:
    try:
        return msgspec.json.decode(raw, type=Alert)
    except msgspec.MsgspecError as error:
        raise StoreError(f"Redis, {BODIES}: expected an alert, found something else ({error})") from error
