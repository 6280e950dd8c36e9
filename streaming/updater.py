"""Applies batches of events to the states of their customers."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import Protocol

from ebbtide.clock import Clock, system_clock
from ebbtide.logs.events import BEGINNING
from features.profile import State, new_state
from models.triggers.moments import Moments
from streaming.changes import IMPORTED, Batch, Changes
from streaming.judging import Judging
from streaming.work import Work

LATENESS = 24 * 3600.0
"""Seconds; signals do not depend on the order of events that lie this near to each other."""
AT_ONCE = 1_000
"""Events decoded before they are applied: few enough to stay in the processor's cache, enough to read their
customers from the store at once."""
KEPT_CUSTOMERS = 200_000
"""States kept in memory between batches; in each partition the longest untouched go first."""


class States(Protocol):
    """Where states are read from that are not in memory: the online store."""

    def read_many(self, customers: Sequence[str]) -> list[State | None]:
        """The state of each, None of whom there is none."""


class Updater:
    """Holds the states of the customers in use, per partition, and reads the others from the store.

    Args:
        store: the online store.
        clock: the present, by which triggers are judged.
        lateness: seconds that a live event may lie behind its customer's newest one. What comes later is kept
            with the reason, and changes nothing. Imports are backfills, and may bring what is old.
        kept_customers: states kept in memory between batches, shared equally by the partitions in use.
        follows: of whom the states at the ends of days are told too.
        moments: judges the triggers; without it none fires.
        tells: whether to tell of orders and looks, for whoever keeps count of products.
    """

    def __init__(
        self,
        store: States,
        *,
        clock: Clock = system_clock,
        lateness: float = LATENESS,
        kept_customers: int = KEPT_CUSTOMERS,
        follows: Callable[[str], bool] | None = None,
        moments: Moments | None = None,
        tells: bool = True,
    ) -> None:
        self._tells = tells
        self._store, self._clock, self._lateness, self._follows = store, clock, lateness, follows
        self._kept_customers, self._moments = kept_customers, moments
        self._partitions: dict[int, dict[str, State]] = {}

    def apply(self, batch: Batch) -> Changes:
        """Apply a batch. An event that a state has seen already (by its offset) changes nothing."""
        self._make_room(batch.partition)
        states = partial(self._states, batch.partition)
        imported = batch.partition == IMPORTED
        judging = Judging(self._moments, self._clock(), imported=imported)
        work = Work(states, self._lateness, self._follows, judging, direct=imported, tells=self._tells)
        for start in range(0, len(batch.records), AT_ONCE):
            work.take_all(batch.records[start : start + AT_ONCE])
        timers = work.timers()
        return Changes(
            batch.partition,
            batch.records[-1].offset if batch.records else BEGINNING,
            work.raws,
            work.taken,
            work.present(),
            work.day_ends,
            work.orders,
            work.rejected,
            work.passed_on,
            judging.fired,
            timers,
            work.looked_at(),
            work.looks,
            work.told,
        )

    def _make_room(self, partition: int) -> None:
        """Let go of states beyond the partition's share. Not within a batch, whose states are in use."""
        kept = self._partitions.setdefault(partition, {})
        excess = len(kept) - self._kept_customers // len(self._partitions)
        for customer in list(islice(kept, max(excess, 0))):
            del kept[customer]

    def _states(self, partition: int, customers: Iterable[str]) -> dict[str, State]:
        """The partition's states, with those of the customers named among them, newest use last."""
        kept = self._partitions[partition]
        unknown = []
        for customer in customers:
            if (state := kept.pop(customer, None)) is None:
                unknown.append(customer)
            else:
                kept[customer] = state
        for customer, state in zip(unknown, self._store.read_many(unknown), strict=True):
            kept[customer] = state or new_state()
        return kept
