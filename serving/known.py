"""What is known of customers: their states and the contacts they had, read for many in one round trip."""

from collections.abc import Sequence
from typing import NamedTuple

from redis import Redis

from ebbtide import bulk
from ebbtide.domain.contact import History
from ebbtide.errors import StoreError
from ebbtide.logs import contacts
from features.profile import State, decode
from features.store import layout

_HOPS = 10
"""Sign posts followed from one customer to the next at most."""


class Known(NamedTuple):
    """A customer by the id that counts, their state (None for one who is unknown), and their contacts."""

    customer: str
    state: State | None
    history: History


class Knowledge:
    """Reads over a client that does not decode responses."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    def read(self, customers: Sequence[str], hops: int = _HOPS) -> list[Known | StoreError]:
        """What is known of each customer, in their order; an error in the place of an unusable state.

        For a customer who turned out to be another, what is known of the other, by the other's id.

        Raises:
            redis.RedisError: the store cannot be reached.
        """
        commands = [command for customer in customers for command in _commands(customer)]
        answers = bulk.ask(self._client, tuple, commands)
        return [
            self._known(customer, packed, listed, hops)
            for customer, packed, listed in zip(customers, answers[::2], answers[1::2], strict=True)
        ]

    def _known(
        self, customer: str, packed: bytes | None, listed: list[bytes], hops: int
    ) -> Known | StoreError:
        try:
            state = None if packed is None else decode(layout.unpack_value(packed))
        except StoreError as error:
            return error
        if state is not None and state.merged_into:
            return self.read([state.merged_into], hops - 1)[0] if hops else Known(customer, None, History())
        entries = [(member, float(at)) for member, at in zip(listed[::2], listed[1::2], strict=True)]
        return Known(customer, state, contacts.history(entries) if entries else History())


def _commands(customer: str) -> tuple[bulk.Command, bulk.Command]:
    return (
        ("HGET", layout.key(customer), layout.STATE_FIELD),
        ("ZRANGE", contacts.key(customer), "0", "-1", "WITHSCORES"),
    )
