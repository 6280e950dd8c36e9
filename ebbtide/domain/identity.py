"""Two ids of one customer: which calls say so, what is not believed, and the messages by which states move.

A customer's state is written in one place: the partition of its id. So when an `identify` or an `alias` says
that the anonymous `a` is the known `u`, the partition of `u` asks that of `a` to hand over (`HandOver`). That
one keeps a sign post, sends the state to the partition of `u` (`Absorb`), and passes on whatever comes for
`a` later (`Redirect`). There are limits, as in Segment's identity resolution, so that one shared id cannot
swallow a customer base: an id is handed over once and to one customer, a customer takes up 100 others at the
most, and ids that stand for nobody are never merged. Of two that claim each other the first by name stays.
Source: https://segment.com/docs/unify/identity-resolution/identity-resolution-settings/ (blocked values and
limits).
"""

import msgspec

from ebbtide.domain.event import Event
from ebbtide.domain.trigger import Tick

MOST_MERGES = 100
MOST_HOPS = 10
NOBODY = frozenset(
    {"", "0", "-1", "anonymous", "guest", "nan", "nil", "none", "null", "undefined", "unknown"}
)
"""Ids, in lower case, that stand for nobody."""


class HandOver(msgspec.Struct, frozen=True, tag_field="type", tag="ebbtide.handover"):
    """Asks for the state of `customer` to be sent to the customer `to`."""

    id: str
    customer: str
    to: str
    at: float


class Absorb(msgspec.Struct, frozen=True, tag_field="type", tag="ebbtide.absorb"):
    """Brings `customer` the encoded state of what was the customer `source`."""

    id: str
    customer: str
    source: str
    at: float
    state: bytes
    hops: int = 0


class Redirect(msgspec.Struct, frozen=True, tag_field="type", tag="ebbtide.redirect"):
    """Brings `customer` an event that came for an id which is the customer's too; it was not late there."""

    id: str
    customer: str
    at: float
    call: msgspec.Raw
    hops: int


Message = HandOver | Absorb | Redirect | Tick
PREFIX = b'{"type":"ebbtide.'
"""How the bytes of a message begin; no call of a sender does, whose types are Segment's."""
_DECODER = msgspec.json.Decoder(Message)


def encode(message: Message) -> bytes:
    """The message as it goes through the event log."""
    return msgspec.json.encode(message)


def decode(raw: bytes) -> Message | None:
    """The message in these bytes; None if they are an event of a sender."""
    return _DECODER.decode(raw) if raw.startswith(PREFIX) else None


def linked(event: Event) -> str | None:
    """The other id that an event says to be its customer's own too, if it is one to be believed.

    >>> linked(Event("m", "u1", "identify", 0.0, also="a7"))
    'a7'
    >>> linked(Event("m", "u1", "identify", 0.0, also="null")) is None
    True
    """
    other = event.also
    if other is None or other == event.customer:
        return None
    return None if {other.lower(), event.customer.lower()} & NOBODY else other


def sent_on(taken: Event | Absorb | Redirect, to: str, raw: bytes) -> Absorb | Redirect:
    """What brings the customer `to` an event, whose bytes are `raw`, or what was sent on before."""
    if isinstance(taken, Event):
        return Redirect(taken.id, to, taken.at, msgspec.Raw(raw), hops=1)
    return msgspec.structs.replace(taken, customer=to, hops=taken.hops + 1)
