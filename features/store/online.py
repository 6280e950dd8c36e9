"""The online store: the state of each customer in Redis, in Feast's layout."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from redis import Redis

from ebbtide import bulk
from features.profile import State, decode, encode
from features.store import layout, wire
from features.store.row import Row

_HOPS = 10
"""Sign posts followed from one customer to the next at most."""


class OnlineStore:
    """Reads and writes states by customer over one Redis client (which must not decode responses)."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    def read(self, customer: str) -> State | None:
        """The state of one customer, None if unknown; of one that turned out to be another, the other's."""
        for _ in range(_HOPS):
            [state] = self.read_many([customer])
            if state is None or not state.merged_into:
                return state
            customer = state.merged_into
        return None

    def read_many(self, customers: Sequence[str]) -> list[State | None]:
        """The states of many customers as they are kept, in one round trip, in their order."""
        return list(self.read_each(customers))

    def read_each(self, customers: Sequence[str]) -> Iterator[State | None]:
        """`read_many`, each state decoded when it is asked for: in memory are the bytes of the others."""
        for packed in bulk.ask(self._client, _get, customers, wire.get):
            yield None if packed is None else decode(layout.unpack_value(packed))

    def write_rows(self, rows: Sequence[Row]) -> None:
        """Write encoded states."""
        bulk.ask(self._client, _put, rows, wire.put)

    def write_many(self, states: Iterable[tuple[str, State]]) -> None:
        """Write the states of many customers."""
        self.write_rows([Row(customer, encode(state), state.last_at) for customer, state in states])

    def customers(self, batch: int = 1000) -> Iterator[list[str]]:
        """The ids of all customers, in batches, in no order; one that changes meanwhile may come twice."""
        keys = self._client.scan_iter(match=layout.PATTERN, count=batch)
        found = (customer for key in keys if (customer := layout.customer_of(key)) is not None)
        while chunk := list(islice(found, batch)):
            yield chunk


def _get(customer: str) -> bulk.Command:
    return "HGET", layout.key(customer), layout.STATE_FIELD


def _put(row: Row) -> bulk.Command:
    state, moment = layout.pack_value(row.state), layout.pack_time(row.at)
    return "HSET", layout.key(row.customer), layout.STATE_FIELD, state, layout.TIME_FIELD, moment
