"""Where the flow's results go: the history, then the online store with the commit, then whoever counts."""

from collections.abc import Callable
from pathlib import Path

from bytewax.outputs import DynamicSink, StatelessSinkPartition
from redis import Redis

from ebbtide.clock import Clock
from ebbtide.logs.events import BEGINNING
from ebbtide.logs.offsets import queue_commit
from ebbtide.logs.rejected import RejectedLog
from features.history import HistoryWriter
from features.store.online import queue_write
from streaming.updater import IMPORTED, Changes

ROLL_SECONDS = 30.0
"""The longest that rows wait in the journal before training can read them."""


class FeatureSink(DynamicSink[Changes]):
    """Stores changes so that a death at any point loses nothing.

    The history comes first, the states second, the commit last: what was stored but not committed is
    delivered again, and the states know by its offset that they have seen it.

    Args:
        client: the Redis of the online store.
        history: the folder of the history.
        rejected: keeps what could not be decoded.
        clock: tells when to roll the history's journal.
        name: keeps the journals of different flows apart.
        progress: told the number of events of each batch once it is stored.
    """

    def __init__(
        self,
        client: Redis,
        history: Path,
        rejected: RejectedLog,
        clock: Clock,
        *,
        name: str,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._client, self._history, self._rejected, self._clock = client, history, rejected, clock
        self._name, self._progress = name, progress

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "_FeatureSinkPart":  # noqa: ARG002
        """Open a writer of this worker's own."""
        history = HistoryWriter(self._history, f"{self._name}-{worker_index}")
        return _FeatureSinkPart(self._client, history, self._rejected, self._clock, self._progress)


class _FeatureSinkPart(StatelessSinkPartition[Changes]):
    def __init__(
        self,
        client: Redis,
        history: HistoryWriter,
        rejected: RejectedLog,
        clock: Clock,
        progress: Callable[[int], None],
    ) -> None:
        self._client, self._history, self._rejected = client, history, rejected
        self._clock, self._progress = clock, progress
        self._rolled = clock()

    def write_batch(self, items: list[Changes]) -> None:
        for changes in items:
            self._rejected.reject_many("stream", changes.rejected, at=self._clock())
            self._history.append(changes.rows)
            pipe = self._client.pipeline(transaction=False)
            for row in changes.states:
                queue_write(pipe, row.customer, row.state, row.at)
            if changes.partition != IMPORTED and changes.offset != BEGINNING:
                queue_commit(pipe, changes.partition, changes.offset)
            pipe.execute()
            self._progress(changes.events)
        if self._clock() - self._rolled > ROLL_SECONDS:
            self._history.roll()
            self._rolled = self._clock()

    def close(self) -> None:
        self._history.close()


class LearnedSink(DynamicSink[tuple[str, bytes]]):
    """Keeps the online model's newest saved form in Redis."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "_LearnedSinkPart":  # noqa: ARG002
        """Open a writer."""
        return _LearnedSinkPart(self._client)


class _LearnedSinkPart(StatelessSinkPartition[tuple[str, bytes]]):
    def __init__(self, client: Redis) -> None:
        self._client = client

    def write_batch(self, items: list[tuple[str, bytes]]) -> None:
        for name, saved in dict(items).items():
            self._client.set(f"ebbtide:online:{name}", saved)
