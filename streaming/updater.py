"""Applies batches of events to the states of their customers."""

from collections.abc import Sequence
from typing import NamedTuple

from ebbtide.clock import Clock
from ebbtide.domain.event import Event, EventError, decode
from ebbtide.logs.events import BEGINNING, Entry, Record, offset_key
from ebbtide.logs.rejected import Rejection
from features.history import Row
from features.profile import State, encode, new_state, update
from features.signals.daily import day_of
from features.store.online import OnlineStore

IMPORTED = -1
"""The partition of records that come from an import; their offsets are `<number of the import>-<line>`."""
LATENESS = 24 * 3600.0
"""Seconds; signals do not depend on the order of events that lie this near to each other."""
LATE = "late: older than the newest event of its customer by more than the lateness allowed"
KEPT_CUSTOMERS = 200_000
"""States that a partition keeps in memory between batches; the longest untouched go first."""


class Batch(NamedTuple):
    """Records of one partition, in their order."""

    partition: int
    records: Sequence[Record]


class Changes(NamedTuple):
    """What a batch changed.

    `raws` are the events as logged. `rows` go to the history: each customer's state after each day's last
    event in the batch. `states` are the present ones of all customers touched. `orders` are (customer, Unix
    seconds). `passed_on` goes to other partitions of the log, before the batch is committed.
    """

    partition: int
    offset: str
    raws: list[bytes]
    events: int
    rows: list[Row]
    states: list[Row]
    orders: list[tuple[str, float]]
    rejected: list[Rejection]
    passed_on: list[Entry]


class Updater:
    """Holds the states of the customers in use, per partition, and reads the others from the store.

    Args:
        store: the online store.
        clock: the present, for `created` of the history's rows.
        lateness: seconds that a live event may lie behind its customer's newest one. What comes later is kept
            with the reason, and changes nothing. Imports are backfills, and may bring what is old.
        kept_customers: states that a partition keeps in memory.
    """

    def __init__(
        self,
        store: OnlineStore,
        clock: Clock,
        *,
        lateness: float = LATENESS,
        kept_customers: int = KEPT_CUSTOMERS,
    ) -> None:
        self._store, self._clock, self._lateness = store, clock, lateness
        self._kept_customers = kept_customers
        self._partitions: dict[int, dict[str, State]] = {}

    def apply(self, batch: Batch) -> Changes:
        """Apply a batch. An event that a state has seen already (by its offset) changes nothing."""
        rejected: list[Rejection] = []
        events = [(record, event) for record in batch.records if (event := _decode(record, rejected))]
        states = self._states(batch.partition, {event.customer for _, event in events})
        work = _Work(states, self._clock(), self._lateness, rejected)
        for record, event in events:
            work.take(record, event)
        raws = [record.raw for record in batch.records]
        last = batch.records[-1].offset if batch.records else BEGINNING
        present = work.present()
        return Changes(
            batch.partition, last, raws, len(events), work.rows + present, present, work.orders, rejected, []
        )

    def _states(self, partition: int, customers: set[str]) -> dict[str, State]:
        """The partition's states, with those of the customers named among them, newest use last."""
        kept = self._partitions.setdefault(partition, {})
        unknown = sorted(customers - kept.keys())
        for customer in customers & kept.keys():
            kept[customer] = kept.pop(customer)
        for customer, state in zip(unknown, self._store.read_many(unknown), strict=True):
            kept[customer] = state or new_state()
        for customer in list(kept)[: max(len(kept) - max(self._kept_customers, len(customers)), 0)]:
            del kept[customer]
        return kept


class _Work:
    """One batch being applied."""

    def __init__(
        self, states: dict[str, State], now: float, lateness: float, rejected: list[Rejection]
    ) -> None:
        self._states, self._now, self._lateness, self._rejected = states, now, lateness, rejected
        self._touched: set[str] = set()
        self.rows: list[Row] = []
        self.orders: list[tuple[str, float]] = []

    def take(self, record: Record, event: Event) -> None:
        """Apply one event to its customer's state."""
        customer = event.customer
        state = self._states[customer]
        if not _is_new(record, state):
            return
        if event.at < state.last_at - self._lateness and record.partition != IMPORTED:
            self._rejected.append(Rejection(None, LATE, record.raw))
            return
        if customer in self._touched and day_of(state.last_at) < day_of(event.at):
            self.rows.append(self._row(customer, state))
        update(state, event)
        self._touched.add(customer)
        if event.name == "Order Completed":
            self.orders.append((customer, event.at))

    def present(self) -> list[Row]:
        """The states of all customers touched, as they are now."""
        return [self._row(customer, self._states[customer]) for customer in sorted(self._touched)]

    def _row(self, customer: str, state: State) -> Row:
        return Row(customer, encode(state), state.last_at, self._now)


def _is_new(record: Record, state: State) -> bool:
    """Whether the state has not seen the record yet; if so, it has from now on."""
    offset = offset_key(record.offset)
    if record.partition == IMPORTED:
        if offset <= state.imported:
            return False
        state.imported = offset
    else:
        if offset <= state.logged:
            return False
        state.logged = offset
    return True


def _decode(record: Record, rejected: list[Rejection]) -> Event | None:
    try:
        return decode(record.raw)
    except EventError as error:
        rejected.append(Rejection(None, str(error), record.raw))
        return None
