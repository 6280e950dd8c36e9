"""The online store: the state of each customer in Redis, in Feast's layout."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from redis import Redis
from redis.client import Pipeline

from features.profile import State, decode, encode
from features.store import layout


class OnlineStore:
    """Reads and writes states by customer over one Redis client (which must not decode responses)."""

    def __init__(self, client: Redis) -> None:
        self._client: Any = client  # redis-py types keys as text, and each answer as sync or async

    def read(self, customer: str) -> State | None:
        """The state of one customer, None if unknown."""
        return _unpack(self._client.hget(layout.key(customer), layout.STATE_FIELD))

    def read_many(self, customers: Sequence[str]) -> list[State | None]:
        """The states of many customers in one round trip, in their order."""
        pipe = self._client.pipeline(transaction=False)
        for customer in customers:
            pipe.hget(layout.key(customer), layout.STATE_FIELD)
        return [_unpack(packed) for packed in pipe.execute()]

    def write_many(self, states: Iterable[tuple[str, State]]) -> None:
        """Write the states of many customers in one round trip."""
        pipe = self._client.pipeline(transaction=False)
        for customer, state in states:
            queue_write(pipe, customer, encode(state), state.last_at)
        pipe.execute()

    def customers(self, batch: int = 1000) -> Iterator[list[str]]:
        """The ids of all customers, in batches, in no order; one that changes meanwhile may come twice."""
        keys = self._client.scan_iter(match=layout.PATTERN, count=batch)
        found = (customer for key in keys if (customer := layout.customer_of(key)) is not None)
        while chunk := list(islice(found, batch)):
            yield chunk


def queue_write(pipe: "Pipeline", customer: str, encoded: bytes, last_at: float) -> None:
    """Queue the write of one encoded state."""
    fields = {layout.STATE_FIELD: layout.pack_value(encoded), layout.TIME_FIELD: layout.pack_time(last_at)}
    pipe.hset(layout.key(customer), mapping=fields)  # type: ignore[arg-type]


def _unpack(packed: bytes | None) -> State | None:
    return None if packed is None else decode(layout.unpack_value(packed))
