"""Keeps the item statistics up to date from the flow: every worker tells of orders and views, one counts.

What changed is stored every few seconds of clock time with the places that were reached, in one transaction.
So nothing counts twice. What a killed flow had told and not stored is lost to the statistics, some seconds of
events (features lose nothing); `ebbtide train` counts the archive anew.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from redis import Redis

from ebbtide.logs.events import BEGINNING, Offset
from ebbtide.logs.items import ItemCatalogue
from models.recommendations.charts import Charts
from models.recommendations.item_statistics import KEPT, ItemStatistics, Told
from models.recommendations.item_store import ItemStore, Written
from streaming.changes import Changes

EVERY = timedelta(seconds=3)
"""How long a change may wait to be stored."""
CHANGED_SHARE = 6
"""Of the products in memory a sixth changed is stored at once: a transaction of a few megabytes at most."""
_AT_ONCE = 1_000
"""Events between two looks at how many have changed."""

ToldBy = tuple[int, Sequence[Told]]
"""A partition and what it tells."""


class ItemKeeper:
    """Tells of orders and views, on every worker, and counts them, on one of them.

    Args:
        client: where statistics are stored.
        kept: products in memory; others are read again when something happens to them.
    """

    def __init__(self, client: Redis, kept: int = KEPT) -> None:
        self._client, self._kept = client, kept

    def tell(self, changes: Changes) -> Iterable[ToldBy]:
        """What a batch says of products."""
        if changes.told:
            yield changes.partition, changes.told

    def logic(self, resume: None) -> "ItemLogic":  # noqa: ARG002 (it resumes from Redis)
        """The counting step, resumed from what is stored."""
        store = ItemStore(self._client)
        said = ItemCatalogue(self._client).many
        statistics = ItemStatistics(store.read, Charts(store.charts()), self._kept, said=said)
        return ItemLogic(statistics, store.reached(), self._kept // CHANGED_SHARE)


class ItemLogic(StatefulBatchLogic[ToldBy, Written, None]):
    """The statistics, how far they have come in each partition, and how many changes are stored at once."""

    def __init__(self, statistics: ItemStatistics, reached: dict[int, Offset], most_changed: int) -> None:
        self._statistics, self._reached, self._most_changed = statistics, reached, most_changed
        self._due: datetime | None = None

    def on_batch(self, values: list[ToldBy]) -> tuple[Iterable[Written], bool]:
        """Count what was not counted before."""
        found = []
        for partition, told in values:
            reached = self._reached.get(partition, BEGINNING)
            fresh = told if told[0].offset > reached else [one for one in told if one.offset > reached]
            for start in range(0, len(fresh), _AT_ONCE):
                some = fresh[start : start + _AT_ONCE]
                self._statistics.take(some)
                self._reached[partition] = some[-1].offset
                if self._statistics.changed > self._most_changed:
                    found.append(self._written())
        if self._due is None and self._statistics.changed:
            self._due = datetime.now(UTC) + EVERY
        return found, StatefulBatchLogic.RETAIN

    def on_notify(self) -> tuple[Iterable[Written], bool]:
        """Store what has changed."""
        return [self._written()], StatefulBatchLogic.RETAIN

    def on_eof(self) -> tuple[Iterable[Written], bool]:
        """Store what is left."""
        return [self._written()] if self._statistics.changed else [], StatefulBatchLogic.RETAIN

    def notify_at(self) -> datetime | None:
        """When what has changed is to be stored."""
        return self._due

    def snapshot(self) -> None:
        """Nothing: all of it is in Redis."""

    def _written(self) -> Written:
        self._due = None
        records = self._statistics.records()
        charts, gone = self._statistics.charts.changed()
        return Written(records, charts, gone, dict(self._reached))


class ItemSink(DynamicSink[tuple[str, Written]]):
    """Stores item statistics."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "_ItemSinkPart":  # noqa: ARG002
        """Open a writer."""
        return _ItemSinkPart(ItemStore(self._client))


class _ItemSinkPart(StatelessSinkPartition[tuple[str, Written]]):
    def __init__(self, store: ItemStore) -> None:
        self._store = store

    def write_batch(self, items: list[tuple[str, Written]]) -> None:
        for _, written in items:
            self._store.write(written)
