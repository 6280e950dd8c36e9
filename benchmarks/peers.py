"""What the flow is held against: Bytewax as its manual writes it, and a loop with nothing but the signals."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from bytewax import operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from redis import Redis

from ebbtide.domain.event import Event, decode
from features.profile import State, new_state, update

DAY = 86_400
WINDOWS = (1, 7, 30)
"""Days; a window is today and the days before, as in the catalog."""
BATCH = 1_000
Days = dict[int, int]
Counts = tuple[str, tuple[int, ...]]


def plain_loop(lines: Iterable[bytes]) -> dict[str, State]:
    """The same decoding and the same signals, with no engine and no store."""
    states: dict[str, State] = {}
    for raw in lines:
        event = decode(raw)
        state = states.get(event.customer)
        if state is None:
            state = states[event.customer] = new_state()
        update(state, event)
    return states


def idiomatic(lines: Sequence[bytes], client: Redis) -> Dataflow:
    """Three trailing counters per customer, keyed and kept by Bytewax, and an HSET for each event."""
    flow = Dataflow("idiomatic")
    raws = op.input("events", flow, MemorySource(lines))
    events = op.map("decode", raws, decode)
    keyed = op.key_on("customer", events, lambda event: event.customer)
    counts = op.stateful_map("count", keyed, count)
    op.output("redis", counts, HashSink(client))
    return flow


def count(days: Days | None, event: Event) -> tuple[Days, tuple[int, ...]]:
    """Events in the last 1, 7 and 30 days, from the counts by day.

    >>> days, counts = count({9: 4, 19: 2}, Event("m", "c", "Page Viewed", 20 * DAY + 1.0))
    >>> counts
    (1, 3, 7)
    """
    kept = days or {}
    today = int(event.at // DAY)
    kept[today] = kept.get(today, 0) + 1
    if len(kept) > WINDOWS[-1]:
        kept = {day: number for day, number in kept.items() if day > today - WINDOWS[-1]}
    return kept, tuple(
        sum(number for day, number in kept.items() if day > today - window) for window in WINDOWS
    )


class MemorySource(DynamicSource[bytes]):
    """Gives lines that are in memory already to the first worker."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        self._lines = lines

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "_MemoryPart":  # noqa: ARG002
        """Give the first worker everything."""
        return _MemoryPart(iter(self._lines if worker_index == 0 else ()))


class _MemoryPart(StatelessSourcePartition[bytes]):
    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines

    def next_batch(self) -> list[bytes]:
        batch = list(islice(self._lines, BATCH))
        if not batch:
            raise StopIteration
        return batch


class HashSink(DynamicSink[Counts]):
    """Writes the counts of each event into the customer's hash."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "_HashPart":  # noqa: ARG002
        """Open a writer."""
        return _HashPart(self._client)


class _HashPart(StatelessSinkPartition[Counts]):
    def __init__(self, client: Redis) -> None:
        self._client = client

    def write_batch(self, items: list[Counts]) -> None:
        for customer, (day, week, month) in items:
            self._client.hset(f"customer:{customer}", mapping={"1d": day, "7d": week, "30d": month})
