"""Applies batches of events to the states of their customers."""

from collections.abc import Sequence
from typing import NamedTuple

from ebbtide.clock import Clock
from ebbtide.domain.event import Event, EventError, decode
from ebbtide.logs.events import BEGINNING, Record, offset_key
from ebbtide.logs.rejected import Rejection
from features.history import Row
from features.profile import State, encode, new_state, update
from features.signals.daily import day_of
from features.store.online import OnlineStore

IMPORTED = -1
"""The partition of records that come from an import; their offsets are `<number of the import>-<line>`."""
KEPT_CUSTOMERS = 200_000
"""States that a partition keeps in memory between batches; the longest untouched go first."""


class Batch(NamedTuple):
    """Records of one partition, in their order."""

    partition: int
    records: Sequence[Record]


class Changes(NamedTuple):
    """What a batch changed.

    `rows` go to the history: each customer's state after each day's last event in the batch. `states` are
    the present ones of all customers touched. `orders` are (customer, Unix seconds).
    """

    partition: int
    offset: str
    events: int
    rows: list[Row]
    states: list[Row]
    orders: list[tuple[str, float]]
    rejected: list[Rejection]


class Updater:
    """Holds the states of the customers in use, per partition, and reads the others from the store."""

    def __init__(self, store: OnlineStore, clock: Clock, kept_customers: int = KEPT_CUSTOMERS) -> None:
        self._store, self._clock = store, clock
        self._kept_customers = kept_customers
        self._partitions: dict[int, dict[str, State]] = {}

    def apply(self, batch: Batch) -> Changes:
        """Apply a batch. An event that a state has seen already (by its offset) changes nothing."""
        rejected: list[Rejection] = []
        now = self._clock()
        events = [(record, event) for record in batch.records if (event := _decode(record, rejected))]
        states = self._states(batch.partition, {event.customer for _, event in events})
        rows: list[Row] = []
        orders: list[tuple[str, float]] = []
        touched: set[str] = set()
        for record, event in events:
            customer = event.customer
            state = states[customer]
            if not _is_new(record, state):
                continue
            if customer in touched and day_of(state.last_at) < day_of(event.at):
                rows.append(Row(customer, encode(state), state.last_at, now))
            update(state, event)
            touched.add(customer)
            if event.name == "Order Completed":
                orders.append((customer, event.at))
        present = [
            Row(customer, encode(states[customer]), states[customer].last_at, now)
            for customer in sorted(touched)
        ]
        last = batch.records[-1].offset if batch.records else BEGINNING
        return Changes(batch.partition, last, len(events), rows + present, present, orders, rejected)

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
