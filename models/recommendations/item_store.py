"""Where item statistics lie in Redis: records of products, charts, and how far events were counted.

All of it has one hash tag, so that it is written in one transaction, on a cluster too: whoever reads the
places that were reached knows that just the events up to them are in the records.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from redis import Redis

from ebbtide.errors import StoreError
from ebbtide.logs.events import Offset
from models.recommendations.charts import weight
from models.recommendations.item_record import HALF_LIFE, Record

RECORDS, CHARTS, REACHED = ("ebbtide:{shelf}:" + name for name in ("records", "charts", "reached"))
"""Hashes: a record by product, a chart by its name, an offset by partition; msgpack."""
MOST = 200_000
"""Products stored; of more the lightest tenth go."""
_SCANNED = 2_000

Chart = list[tuple[str, float]]
_encode = msgspec.msgpack.Encoder().encode
_record = msgspec.msgpack.Decoder(Record)
_chart = msgspec.msgpack.Decoder(Chart)
_offset = msgspec.msgpack.Decoder(Offset)


class Written(NamedTuple):
    """What to store at once: records and charts that changed, charts that are gone, places reached."""

    records: Mapping[str, Record]
    charts: Mapping[str, Chart]
    gone: Sequence[str]
    reached: Mapping[int, Offset]


class ItemStore:
    """Reads and writes over a client that does not decode responses.

    All methods raise StoreError if Redis holds something else, `redis.RedisError` if it does not answer.

    Args:
        client: of Redis.
        suffix: added to each key, for what is made beside what is in use.
    """

    def __init__(self, client: Redis, suffix: str = "") -> None:
        self._client: Any = client  # redis-py types each answer as sync or async
        self._suffix = suffix

    def clear(self) -> None:
        """Forget everything."""
        self._client.delete(*(key + self._suffix for key in (RECORDS, CHARTS, REACHED)))

    def read(self, products: Sequence[str]) -> list[Record | None]:
        """The record of each product, None where there is none."""
        return [decoded(_record, raw) for raw in self._client.hmget(RECORDS + self._suffix, products)]

    def charts(self) -> dict[str, Chart]:
        """All charts by name."""
        found = self._client.hgetall(CHARTS + self._suffix)
        return {name.decode(): decoded(_chart, raw) for name, raw in found.items()}

    def reached(self) -> dict[int, Offset]:
        """By partition the place of the last event counted."""
        found = self._client.hgetall(REACHED + self._suffix)
        return {int(partition): decoded(_offset, raw) for partition, raw in found.items()}

    def write(self, written: Written) -> None:
        """Store in one transaction; let go of products if there are too many."""
        records, charts, reached = (key + self._suffix for key in (RECORDS, CHARTS, REACHED))
        pipeline = self._client.pipeline(transaction=True)
        for key, rows in ((records, written.records), (charts, written.charts), (reached, written.reached)):
            if rows:
                pipeline.hset(key, mapping={field: _encode(row) for field, row in rows.items()})
        if written.gone:
            pipeline.hdel(charts, *written.gone)
        pipeline.hlen(records)
        if pipeline.execute()[-1] > MOST:
            self._let_go(records)

    def _let_go(self, key: str) -> None:
        """Drop the products that weigh least."""
        weighed = sorted((_weight(record), product) for product, record in self._all(key))
        for start in range(0, excess := len(weighed) - MOST + MOST // 10, _SCANNED):
            least = weighed[start : min(start + _SCANNED, excess)]
            self._client.hdel(key, *(product for _, product in least))

    def _all(self, key: str) -> Iterator[tuple[bytes, Record]]:
        for product, raw in self._client.hscan_iter(key, count=_SCANNED):
            yield product, decoded(_record, raw)


def replace(client: Redis, suffix: str) -> None:
    """Put what was made under a suffix in the place of what is in use."""
    redis: Any = client
    pipeline = redis.pipeline(transaction=True)
    for key in (RECORDS, CHARTS, REACHED):
        if redis.exists(key + suffix):
            pipeline.rename(key + suffix, key)
        else:
            pipeline.delete(key)
    pipeline.execute()


def _weight(record: Record) -> float:
    """Orders and views, and when the product was last seen, for those that were never bought or viewed."""
    return record.orders + 0.1 * record.views + 1e-3 * weight(record.last, HALF_LIFE)


def decoded(decoder: "msgspec.msgpack.Decoder[Any]", raw: bytes | None) -> Any:
    """What was stored; None for nothing."""
    try:
        return None if raw is None else decoder.decode(raw)
    except msgspec.MsgspecError as error:
        raise StoreError(
            f"Redis, {RECORDS} or {CHARTS}: expected item statistics, found something else ({error}); "
            "stop the flow, and run `ebbtide train`, which makes them anew"
        ) from error
