"""Where the flow's events come from: the event log, live, or an archive."""

import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, islice, repeat

from bytewax.inputs import (
    DynamicSource,
    FixedPartitionedSource,
    StatefulSourcePartition,
    StatelessSourcePartition,
)
from redis import Redis

from ebbtide.logs.events import EventLog, Offset, Record
from ebbtide.logs.offsets import committed
from streaming.changes import IMPORTED, Batch

BATCH = 5_000
"""Records at a time at the most. When many wait, a customer comes often in a batch, and is written once."""
IMPORT_BATCH = 50_000
"""As `BATCH`, where nobody waits for the features. Some tens of megabytes are in the flow at a time."""
IDLE = timedelta(milliseconds=20)
"""How long a partition rests when there was nothing to read."""
HEARTBEAT = timedelta(seconds=10)
"""An idle partition sends an empty batch this often, so that what waits for time to pass is looked at."""


class LogSource(FixedPartitionedSource[Batch, None]):
    """Reads each partition of the event log from where its effects were last stored.

    Args:
        log: the event log.
        client: the Redis that holds the commits.
        stop: set to end the flow after the batches under way.
        once: end when everything that was logged at the start has been read.
    """

    def __init__(self, log: EventLog, client: Redis, stop: threading.Event, *, once: bool = False) -> None:
        self._log, self._client, self._stop, self._once = log, client, stop, once

    def list_parts(self) -> list[str]:
        """One part for each partition of the log."""
        return [str(partition) for partition in range(self._log.partitions)]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "_LogPart":  # noqa: ARG002
        """Open a partition; where to resume stands in Redis beside the states, not in a snapshot."""
        partition = int(for_part)
        until = self._log.last_offset(partition) if self._once else None
        return _LogPart(self._log, partition, committed(self._client, partition), until, self._stop)


class _LogPart(StatefulSourcePartition[Batch, None]):
    def __init__(
        self, log: EventLog, partition: int, after: Offset, until: Offset | None, stop: threading.Event
    ) -> None:
        self._log, self._partition, self._after, self._until, self._stop = log, partition, after, until, stop
        self._idle = False
        self._beat = datetime.now(UTC)

    def next_batch(self) -> Iterable[Batch]:
        if self._stop.is_set():
            raise StopIteration
        if self._until is not None and self._after >= self._until:
            raise StopIteration
        records = self._log.read(self._partition, self._after, BATCH)
        self._idle = not records
        if records:
            self._after = records[-1].offset
        elif datetime.now(UTC) - self._beat < HEARTBEAT:
            return ()
        self._beat = datetime.now(UTC)
        return (Batch(self._partition, records),)

    def next_awake(self) -> datetime | None:
        return datetime.now(UTC) + IDLE if self._idle else None

    def snapshot(self) -> None:
        return None


class ImportSource(DynamicSource[Batch]):
    """Reads the events of an import, which never were in the event log, on the first worker.

    `number` is the import's own: with the line it makes the offset that tells what was applied before.
    """

    def __init__(self, number: int, lines: Iterable[bytes], batch: int = IMPORT_BATCH) -> None:
        self._lines, self._batch = _numbered(number, lines), batch

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "_ImportPart":  # noqa: ARG002
        """Give the first worker everything."""
        return _ImportPart(self._lines if worker_index == 0 else iter(()), self._batch)


class _ImportPart(StatelessSourcePartition[Batch]):
    def __init__(self, records: Iterator[Record], batch: int) -> None:
        self._records, self._batch = records, batch

    def next_batch(self) -> Iterable[Batch]:
        records = list(islice(self._records, self._batch))
        if not records:
            raise StopIteration
        return (Batch(IMPORTED, records),)


def _numbered(number: int, lines: Iterable[bytes]) -> Iterator[Record]:
    return map(Record, repeat(IMPORTED), zip(repeat(number), count(1)), lines)
