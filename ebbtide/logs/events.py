"""The event log: what got a 200 is in here, once, in the order of its partition.

A partition is one Redis stream; all events of one customer go to the same one. The keys of a partition share
the hash tag `{p<N>}`, so that one script may touch them on Redis Cluster too.
"""

import sys
import zlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import msgspec
from redis import Redis

from ebbtide.errors import BacklogError, ConfigError

Offset: TypeAlias = tuple[int, int]
"""A place in a partition: (milliseconds, sequence number) in Redis Streams. Pairs sort as the log does."""
BEGINNING: Offset = (0, 0)
"""The offset before the first record."""
DEDUPLICATION_SECONDS = 24 * 3600
"""How long a `messageId` is remembered, as Segment does."""
BACKLOG = 1_000_000
"""Records that may wait for the flow, by default."""
PARTITIONS_KEY = "ebbtide:partitions"

Entry: TypeAlias = tuple[str, str, bytes]
"""Customer, `messageId`, the event's bytes."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One logged event. `offset` ascends within its partition."""

    partition: int
    offset: Offset
    raw: bytes


class EventLog(Protocol):
    """What streaming and serving need of a log, whatever holds it.

    With `waits`, an append takes milliseconds, in which an event loop had better do something else.
    """

    partitions: int
    waits: bool

    def append(self, entries: Sequence[Entry], *, bounded: bool = True) -> int:
        """Log the entries whose `messageId` is new to their partition; return how many those were.

        The bound on what may wait for the flow is for senders. What the flow itself passes on is not
        `bounded`: only the flow makes room, and it must not wait for itself.
        """

    def read(self, partition: int, after: Offset, count: int) -> list[Record]:
        """Return up to `count` records that follow the offset `after`; never waits."""

    def length(self) -> int:
        """Return the number of records in all partitions."""

    def trim(self, partition: int, through: Offset) -> None:
        """Let go of the records up to and with the offset `through`, whose effects are stored."""

    def last_offset(self, partition: int) -> Offset:
        """Return the newest offset of a partition, `BEGINNING` if it is empty."""


def partition_of(customer: str, partitions: int) -> int:
    """Return the partition of a customer: CRC-32 of the id, the same in every process and version.

    >>> partition_of("14911", 8)
    2
    """
    return zlib.crc32(customer.encode()) % partitions


def parse_offset(text: bytes) -> Offset:
    """Return the offset that Redis writes as `<milliseconds>-<sequence number>`.

    >>> parse_offset(b"9-10") < parse_offset(b"10-2")
    True
    """
    milliseconds, _, sequence = text.partition(b"-")
    return int(milliseconds), int(sequence)


def offset_text(offset: Offset) -> str:
    """Return an offset as Redis writes it.

    >>> offset_text((9, 10))
    '9-10'
    """
    return f"{offset[0]}-{offset[1]}"


def _by_partition(entries: Sequence[Entry], partitions: int) -> dict[int, list[Entry]]:
    groups: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[partition_of(entry[0], partitions)].append(entry)
    return groups


def stream_key(partition: int) -> str:
    """Return the Redis key of a partition's stream."""
    return f"ebbtide:{{p{partition}}}:events"


# The mark follows the append: were the append to fail, nothing would stop the sender's retry.
_APPEND = """
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[#KEYS + 1]) then return -1 end
local logged = 0
for i = 2, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 0 then
    redis.call('XADD', KEYS[1], '*', 'raw', ARGV[i])
    redis.call('SET', KEYS[i], '', 'EX', ARGV[1])
    logged = logged + 1
  end
end
return logged
"""


class RedisEventLog:
    """The log on Redis Streams (6.2 or newer), with at most `backlog` records that wait for the flow.

    The number of partitions is fixed by the first process that uses the log. All methods raise
    `redis.RedisError` if Redis does not answer, and ConfigError if it holds a log of another partition count.
    """

    waits = False

    def __init__(self, client: Redis, partitions: int, backlog: int = BACKLOG) -> None:
        self._client: Any = client  # redis-py types each answer as sync or async
        self.partitions = partitions
        self._most = -(-backlog // partitions)
        self._agreed = False

    def append(self, entries: Sequence[Entry], *, bounded: bool = True) -> int:
        """Append atomically per partition, in one round trip; drops what the last 24 hours have seen.

        Raises:
            BacklogError: a partition is full. Others may have logged their part; all may be sent again.
        """
        self._agree()
        most = self._most if bounded else sys.maxsize
        pipeline = self._client.pipeline(transaction=False)
        for partition, group in _by_partition(entries, self.partitions).items():
            seen = [f"ebbtide:{{p{partition}}}:seen:{message_id}" for _, message_id, _ in group]
            raws = [raw for _, _, raw in group]
            keys, rest = [stream_key(partition), *seen], [DEDUPLICATION_SECONDS, *raws, most]
            pipeline.eval(_APPEND, len(keys), *keys, *rest)
        logged = pipeline.execute()
        if -1 in logged:
            raise BacklogError(
                "event log: the flow is too far behind; send again later, and see `ebbtide stream`"
            )
        return sum(logged)

    def read(self, partition: int, after: Offset, count: int) -> list[Record]:
        """Read on from an offset."""
        self._agree()
        found = self._client.xrange(stream_key(partition), min=f"({offset_text(after)}", count=count)
        return [Record(partition, parse_offset(offset), fields[b"raw"]) for offset, fields in found]

    def length(self) -> int:
        """Count the records."""
        self._agree()
        pipeline = self._client.pipeline(transaction=False)
        for partition in range(self.partitions):
            pipeline.xlen(stream_key(partition))
        return sum(pipeline.execute())

    def last_offset(self, partition: int) -> Offset:
        """Return the newest offset."""
        self._agree()
        newest = self._client.xrevrange(stream_key(partition), count=1)
        return parse_offset(newest[0][0]) if newest else BEGINNING

    def _agree(self) -> None:
        if self._agreed:
            return
        self._client.set(PARTITIONS_KEY, self.partitions, nx=True)
        found = int(self._client.get(PARTITIONS_KEY))
        if found != self.partitions:
            raise ConfigError(
                f"event log: expected {self.partitions} partitions, found one of {found} in Redis; "
                f"set EBBTIDE_PARTITIONS={found}, or use an empty Redis"
            )
        self._agreed = True

    def trim(self, partition: int, through: Offset) -> None:
        """Let go of what is stored; a few more records may stay."""
        milliseconds, sequence = through
        least = offset_text((milliseconds, sequence + 1))
        self._client.xtrim(stream_key(partition), minid=least, approximate=True)


class MemoryEventLog:
    """The log in this process only, for tests and runs without Redis. Remembers every `messageId`."""

    waits = False

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions
        self._records: list[list[Record]] = [[] for _ in range(partitions)]
        self._seen: set[tuple[int, str]] = set()

    def append(self, entries: Sequence[Entry], *, bounded: bool = True) -> int:  # noqa: ARG002
        """Append what is new; there is no bound."""
        before = self.length()
        for partition, group in _by_partition(entries, self.partitions).items():
            for _, message_id, raw in group:
                if (partition, message_id) not in self._seen:
                    self._seen.add((partition, message_id))
                    offset = (len(self._records[partition]) + 1, 0)
                    self._records[partition].append(Record(partition, offset, raw))
        return self.length() - before

    def read(self, partition: int, after: Offset, count: int) -> list[Record]:
        """Read on from an offset."""
        start = after[0]
        return self._records[partition][start : start + count]

    def length(self) -> int:
        """Count the records."""
        return sum(map(len, self._records))

    def trim(self, partition: int, through: Offset) -> None:
        """Keep everything: it is as lasting as the process."""

    def last_offset(self, partition: int) -> Offset:
        """Return the newest offset."""
        records = self._records[partition]
        return records[-1].offset if records else BEGINNING
