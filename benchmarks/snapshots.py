"""Where states live: in Redis with their offsets, as ours do, or in Bytewax's recovery snapshots.

Both flows empty the same event log, update the same signals, and write states to Redis, for those who read
them. Ours commits after each batch; the other keeps its states in a keyed step, by customer or by shard of
customers, which Bytewax snapshots at each epoch. Then one more event comes, and each is started again: how
long until that event is in Redis tells what resuming takes.
"""

import shutil
import statistics
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from bytewax import operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main
from redis import Redis

from benchmarks.drain import fill
from benchmarks.flow import emptied
from benchmarks.report import Result, median_ratio, options, say, seconds, show
from benchmarks.workshop import Workshop, generated, workshop
from ebbtide.clock import system_clock
from ebbtide.domain.event import Event, decode
from ebbtide.logs.events import BEGINNING, Offset, RedisEventLog, partition_of
from ebbtide.logs.rejected import RejectedLog
from features.profile import State, encode, new_state, update
from features.profile import decode as decode_state
from features.store.online import OnlineStore
from features.store.row import Row
from streaming.flow import build, run
from streaming.sinks import FeatureSink
from streaming.sources import BATCH, LogSource
from streaming.updater import Updater

SHARDS = 64
"""Shards of customers: Bytewax writes a shard out whole, however few of its customers changed."""


class SnapshotSource(FixedPartitionedSource[bytes, Offset]):
    """Reads each partition of a log to its end, from where the snapshot says."""

    def __init__(self, log: RedisEventLog) -> None:
        self._log = log

    def list_parts(self) -> list[str]:
        """One part for each partition of the log."""
        return [str(partition) for partition in range(self._log.partitions)]

    def build_part(self, step_id: str, for_part: str, resume_state: Offset | None) -> "_Part":  # noqa: ARG002
        """Open a partition after the offset of its snapshot."""
        return _Part(self._log, int(for_part), resume_state or BEGINNING)


class _Part(StatefulSourcePartition[bytes, Offset]):
    def __init__(self, log: RedisEventLog, partition: int, after: Offset) -> None:
        self._log, self._partition, self._after = log, partition, after

    def next_batch(self) -> Iterable[bytes]:
        records = self._log.read(self._partition, self._after, BATCH)
        if not records:
            raise StopIteration
        self._after = records[-1].offset
        return [record.raw for record in records]

    def snapshot(self) -> Offset:
        return self._after


class States(StatefulBatchLogic[Event, Row, dict[str, bytes]]):
    """The states of the customers of one key."""

    def __init__(self, resumed: dict[str, bytes] | None) -> None:
        self._states: dict[str, State] = {name: decode_state(raw) for name, raw in (resumed or {}).items()}

    def on_batch(self, values: list[Event]) -> tuple[list[Row], bool]:
        """Update, and give each customer's state once."""
        for event in values:
            state = self._states.get(event.customer)
            if state is None:
                state = self._states[event.customer] = new_state()
            update(state, event)
        touched = sorted({event.customer for event in values})
        rows = [Row(name, encode(self._states[name]), self._states[name].last_at) for name in touched]
        return rows, StatefulBatchLogic.RETAIN

    def snapshot(self) -> dict[str, bytes]:
        """All states of the key: what a snapshot holds must not change afterwards."""
        return {name: encode(state) for name, state in self._states.items()}


class RowSink(DynamicSink[Row]):
    """Writes states to Redis."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "_RowPart":  # noqa: ARG002
        """Open a writer."""
        return _RowPart(self._client)


class _RowPart(StatelessSinkPartition[Row]):
    def __init__(self, client: Redis) -> None:
        self._store = OnlineStore(client)

    def write_batch(self, items: list[Row]) -> None:
        self._store.write_rows(items)


def with_snapshots(
    shop: Workshop, log: RedisEventLog, key: Callable[[Event], str], kept: Path, every: timedelta
) -> None:
    """Empty the log with states in Bytewax's snapshots; `kept` is the folder of its recovery store."""
    flow = Dataflow("snapshots")
    raws = op.input("events", flow, SnapshotSource(log))
    keyed = op.key_on("key", op.map("decode", raws, decode), key)
    rows = op.stateful_batch("states", keyed, States)
    op.output("features", op.map("row", rows, lambda pair: pair[1]), RowSink(shop.client))
    cli_main(flow, epoch_interval=every, recovery_config=RecoveryConfig(str(kept)))  # type: ignore[no-untyped-call]


def with_offsets(shop: Workshop, log: RedisEventLog) -> None:
    """Empty the log with the real flow, whose states carry their offsets in Redis."""
    settings, client = shop.settings, shop.client
    source = LogSource(log, client, threading.Event(), once=True)
    sink = FeatureSink(client, RejectedLog(settings.rejected), system_clock, log=log)
    run(build(source, sink, Updater(OnlineStore(client), tells=False)))


def measure(
    shop: Workshop, lines: Sequence[bytes], drain: Callable[[RedisEventLog], None]
) -> tuple[float, float]:
    """Seconds to empty a log of all lines but the last, and then of the last after a new start."""
    emptied(shop)
    log = RedisEventLog(shop.client, shop.settings.partitions, backlog=10 * len(lines))
    fill(log, lines[:-1])
    first = seconds(partial(drain, log))
    fill(log, lines[-1:])
    return first, seconds(partial(drain, log))


def compare(shop: Workshop, lines: Sequence[bytes], every: timedelta, rounds: int) -> Result:
    """Events per second, seconds to resume and bytes on disk of each way."""
    kept = shop.settings.root / "recovery"
    keys: dict[str, Callable[[Event], str]] = {
        "snapshots_by_customer": lambda event: event.customer,
        "snapshots_by_shard": lambda event: str(partition_of(event.customer, SHARDS)),
    }
    drains = {
        name: partial(with_snapshots, shop, key=key, kept=kept, every=every) for name, key in keys.items()
    }
    sides: dict[str, Callable[[RedisEventLog], None]] = {"ours": partial(with_offsets, shop), **drains}
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    sizes: dict[str, int] = {}
    for number in range(1, rounds + 1):
        for name, drain in sides.items():
            shutil.rmtree(kept, ignore_errors=True)
            kept.mkdir()
            init_db_dir(kept, 1)  # type: ignore[no-untyped-call]
            took[name].append(measure(shop, lines, drain))
            sizes[name] = sum(path.stat().st_size for path in kept.iterdir())
        say(f"round {number}: " + ", ".join(f"{name} {t[-1][0]:.1f} s" for name, t in took.items()))
    first = {name: [each[0] for each in times] for name, times in took.items()}
    return {
        "ratio_by_customer": median_ratio(first["snapshots_by_customer"], first["ours"]),
        "ratio_by_shard": median_ratio(first["snapshots_by_shard"], first["ours"]),
        "events_per_second": {name: len(lines) / statistics.median(times) for name, times in first.items()},
        "resume_seconds": {name: statistics.median(t[1] for t in times) for name, times in took.items()},
        "recovery_bytes": {name: size for name, size in sizes.items() if name != "ours"},
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = options(__doc__)
    parser.add_argument("--events", type=int, default=200_000, help="events to generate")
    parser.add_argument("--customers", type=int, default=20_000, help="their customers")
    parser.add_argument("--rounds", type=int, default=3, help="turns that each side gets")
    parser.add_argument("--every", type=float, default=10.0, help="seconds from one snapshot to the next")
    given = parser.parse_args(arguments)
    with workshop() as shop:
        lines = generated(given.events, given.customers)
        result = compare(shop, lines, timedelta(seconds=given.every), given.rounds)
    show(result, as_json=given.json)


if __name__ == "__main__":
    main()
