"""What is known of customers: states, contacts, triggers that stand and lists, read in one round trip."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from redis import Redis

from ebbtide import bulk
from ebbtide.domain.contact import History
from ebbtide.domain.trigger import Fired
from ebbtide.errors import StoreError
from ebbtide.lines import Lines, Steps
from ebbtide.logs import contacts, triggers
from features.profile import State, decode
from features.store import layout
from models.recommendations import ranked
from models.recommendations.ranked import Ranked

_HOPS = 10
"""Sign posts followed from one customer to the next at most."""


class Known(NamedTuple):
    """A customer by the id that counts, their state (None for one who is unknown), contacts and triggers.

    `ranked` is their list of products.
    """

    customer: str
    state: State | None
    history: History
    fired: tuple[Fired, ...]
    ranked: Ranked | None = None


class Knowledge:
    """Reads over a client that does not decode responses."""

    def __init__(self, client: Redis) -> None:
        self._lines = Lines(client)

    def read(
        self, customers: Sequence[str], now: float, hops: int = _HOPS
    ) -> Steps[list[Known | StoreError]]:
        """What is known of each customer, in their order; an error in the place of what cannot be used.

        For a customer who turned out to be another, what is known of the other, by the other's id. Triggers
        are those that stand at `now` (Unix seconds, UTC).

        Raises:
            redis.RedisError: the store cannot be reached.
        """
        commands = [command for customer in customers for command in _commands(customer)]
        answers = iter((yield from self._lines.ask(lambda: [commands])))
        known = [
            _known(customer, raws, now)
            for customer, *raws in zip(customers, answers, answers, answers, answers, strict=True)
        ]
        for place, one in enumerate(known):
            other = one.state.merged_into if isinstance(one, Known) and one.state is not None else ""
            if other and hops:
                [known[place]] = yield from self.read([other], now, hops - 1)
            elif other:
                known[place] = Known(customers[place], None, History(), ())
        return known


def _known(customer: str, raws: list[Any], now: float) -> Known | StoreError:
    packed, listed, standing, shown = raws
    try:
        state = None if packed is None else decode(layout.unpack_value(packed))
        fired = tuple(triggers.unexpired(standing, now)) if standing else ()
        products = None if shown is None else ranked.decode(shown)
    except StoreError as error:
        return error
    entries = [(member, float(at)) for member, at in zip(listed[::2], listed[1::2], strict=True)]
    return Known(customer, state, contacts.history(entries) if entries else History(), fired, products)


def _commands(customer: str) -> tuple[bulk.Command, ...]:
    return (
        ("HGET", layout.key(customer), layout.STATE_FIELD),
        ("ZRANGE", contacts.key(customer), "0", "-1", "WITHSCORES"),
        ("HVALS", triggers.key(customer)),
        ("GET", ranked.key(customer)),
    )
