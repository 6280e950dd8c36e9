"""The online store: the state of each customer in Redis, in Feast's layout."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from redis import Redis

from features.history import Row
from features.profile import State, decode, encode
from features.store import layout

_HOPS = 10
"""Sign posts followed from one customer to the next at most."""
_CHUNK = 500
"""Rows written by one call: Redis serves nobody else while it runs, some 2 ms."""

# One reply for many rows: reading a reply costs the client more than the write costs Redis.
_WRITE = """
for i = 1, #KEYS do
  redis.call('HSET', KEYS[i], ARGV[1], ARGV[2 * i + 1], ARGV[2], ARGV[2 * i + 2])
end
return #KEYS
"""


class OnlineStore:
    """Reads and writes states by customer over one Redis client (which must not decode responses)."""

    def __init__(self, client: Redis) -> None:
        self._client: Any = client  # redis-py types keys as text, and each answer as sync or async
        self._write = self._client.register_script(_WRITE)

    def read(self, customer: str) -> State | None:
        """The state of one customer, None if unknown; of one that turned out to be another, the other's."""
        for _ in range(_HOPS):
            state = _unpack(self._client.hget(layout.key(customer), layout.STATE_FIELD))
            if state is None or not state.merged_into:
                return state
            customer = state.merged_into
        return None

    def read_many(self, customers: Sequence[str]) -> list[State | None]:
        """The states of many customers as they are kept, in one round trip, in their order."""
        if not customers:
            return []
        pipe = self._client.pipeline(transaction=False)
        for customer in customers:
            pipe.hget(layout.key(customer), layout.STATE_FIELD)
        return [_unpack(packed) for packed in pipe.execute()]

    def write_rows(self, rows: Sequence[Row]) -> None:
        """Write encoded states, 500 in one round trip."""
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            values: list[bytes] = [layout.STATE_FIELD, layout.TIME_FIELD]
            for row in chunk:
                values += (layout.pack_value(row.state), layout.pack_time(row.at))
            self._write(keys=[layout.key(row.customer) for row in chunk], args=values)

    def write_many(self, states: Iterable[tuple[str, State]]) -> None:
        """Write the states of many customers."""
        self.write_rows([Row(customer, encode(state), state.last_at) for customer, state in states])

    def customers(self, batch: int = 1000) -> Iterator[list[str]]:
        """The ids of all customers, in batches, in no order; one that changes meanwhile may come twice."""
        keys = self._client.scan_iter(match=layout.PATTERN, count=batch)
        found = (customer for key in keys if (customer := layout.customer_of(key)) is not None)
        while chunk := list(islice(found, batch)):
            yield chunk


def _unpack(packed: bytes | None) -> State | None:
    return None if packed is None else decode(layout.unpack_value(packed))
