"""Where the flow's results go: the archive, the online store, the commit, then whoever counts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bytewax.outputs import DynamicSink, StatelessSinkPartition
from redis import Redis

from ebbtide.clock import Clock
from ebbtide.domain.event import Event
from ebbtide.logs.archive import LiveArchive
from ebbtide.logs.events import BEGINNING, EventLog
from ebbtide.logs.offsets import commit
from ebbtide.logs.rejected import RejectedLog
from ebbtide.logs.timers import Timers
from ebbtide.logs.triggers import TriggerLog
from ebbtide.logs.waiting import Look, Waiting
from features.store.online import OnlineStore
from streaming.changes import IMPORTED, Changes
from streaming.checks import Checks
from streaming.undelivered import Undelivered


@dataclass(frozen=True)
class FeatureSink(DynamicSink[Changes]):
    """Stores changes so that a death at any point loses nothing.

    The archive, triggers and what is passed on to other partitions come first, the states next, the commit
    last: what was stored but not committed is delivered again, and the states know by its offset that they
    have seen it. What is passed on, and what fired, has ids, by which it is dropped the second time.

    Args:
        client: the Redis of the online store.
        rejected: keeps what could not be used.
        clock: tells the day of the archive.
        log: the event log that the changes come from; None for an import, which is committed as a whole.
        archive: keeps the events taken from the log, which lets go of them after the commit.
        progress: told the number of events of each batch once it is stored.
        checks: told whom a batch touched.
        triggers: keeps what fired.
        timers: told when each customer touched is to be judged next.
        waiting: told who looked at which product.
        undelivered: told of the events, before the commit, so that no failed delivery goes unheard.
    """

    client: Redis
    rejected: RejectedLog
    clock: Clock
    log: EventLog | None = None
    archive: LiveArchive | None = None
    progress: Callable[[int], None] = lambda _: None
    checks: Checks | None = None
    triggers: TriggerLog | None = None
    timers: Timers | None = None
    waiting: Waiting | None = None
    undelivered: Undelivered | None = None

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "_FeatureSinkPart":  # noqa: ARG002
        """Open a writer of this worker's own."""
        return _FeatureSinkPart(self)


class _FeatureSinkPart(StatelessSinkPartition[Changes]):
    def __init__(self, sink: FeatureSink) -> None:
        self._to = sink
        self._store = OnlineStore(sink.client)

    def write_batch(self, items: list[Changes]) -> None:
        now = self._to.clock()
        for changes in items:
            heard = changes.heard()
            self._to.rejected.reject_many("stream", changes.rejected, at=now)
            if self._to.archive is not None:
                self._to.archive.append(changes.raws, now)
            if self._to.log is not None and changes.passed_on:
                # Before the states, which know what they have seen.
                self._to.log.append(changes.passed_on, bounded=False)
            if self._to.checks is not None:
                self._to.checks.touch((row.customer for row in heard), now)
            if self._to.waiting is not None:
                self._to.waiting.put(_looks(changes.looks), now)
            if self._to.triggers is not None:
                self._to.triggers.put(changes.fired, now)
            if self._to.timers is not None:
                # Before the states too: a timer that comes too early finds nothing to do, and is set again.
                self._to.timers.put(changes.timers)
                if heard and changes.partition != IMPORTED:
                    self._to.timers.heard(changes.partition, max(row.at for row in heard), now)
            if self._to.undelivered is not None:
                self._to.undelivered.give_back(changes.raws)
            self._store.write_rows(changes.states)
            self._commit(changes)
            self._to.progress(changes.events)

    def _commit(self, changes: Changes) -> None:
        if self._to.log is None or changes.offset == BEGINNING:
            return
        commit(self._to.client, changes.partition, changes.offset)
        self._to.log.trim(changes.partition, changes.offset)


def _looks(events: Sequence[Event]) -> list[Look]:
    return [Look(event.properties.id, event.customer, event.at) for event in events if event.properties.id]


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
