"""Events as the Segment specification has them, and the one decoder that turns bytes into an `Event`.

Source: https://segment.com/docs/connections/spec/ (common fields, track, identify, page, screen, group,
alias) and the ecommerce specification v2 for the names and properties of orders.
"""

from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, Any, ClassVar

import msgspec

from ebbtide.domain.outcome import DECISION_OUTCOME

Identifier = str | int
LARGEST = 1e12
Number = Annotated[float, msgspec.Meta(ge=-LARGEST, le=LARGEST)]
"""A finite number of a size that means something: an infinity or a NaN would spoil every sum it enters."""


BACK_IN_STOCK = "Product Back In Stock"
"""Tells a customer of a product that they wait for."""
NOT_THEIRS = frozenset(
    {
        *(BACK_IN_STOCK, DECISION_OUTCOME),
        *("Email Delivered", "Push Notification Received", "SMS Delivered", "In-App Message Received"),
        *("Email Bounced", "Push Notification Bounced", "SMS Bounced"),
    }
)
"""What the house sent, and what became of that: nothing that the customer did, so it is no activity."""


class EventError(ValueError):
    """An event that cannot be used; the message says which field, what was expected and what was found."""


class Product(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One line of an order, as in the `products` array of the ecommerce specification. Price per unit."""

    product_id: Identifier | None = None
    sku: Identifier | None = None
    name: str | None = None
    category: str | None = None
    brand: str | None = None
    price: Number | None = None
    quantity: Number = 1.0

    @property
    def id(self) -> str | None:
        """The product's id, else its SKU, as text; None if it has neither."""
        found = self.product_id if self.product_id is not None else self.sku
        return None if found is None else str(found)


class Properties(msgspec.Struct, frozen=True, omit_defaults=True, dict=True):
    """The properties that Ebbtide reads. Others are kept in the log, and not decoded."""

    order_id: Identifier | None = None
    products: tuple[Product, ...] = ()
    revenue: Number | None = None
    total: Number | None = None
    value: Number | None = None
    discount: Number | None = None
    currency: str | None = None
    coupon: str | None = None
    coupon_id: Identifier | None = None
    promotion_id: Identifier | None = None
    product_id: Identifier | None = None
    sku: Identifier | None = None
    name: str | None = None
    category: str | None = None
    brand: str | None = None
    price: Number | None = None
    quantity: Number | None = None
    decisionId: str | None = None  # noqa: N815 (as it stands in the event)
    score: Number | None = None
    rating: Number | None = None
    comment: str | None = None
    review_body: str | None = None
    ticket_id: Identifier | None = None
    first_contact: bool | None = None
    plan: Identifier | None = None
    renewal_date: str | Number | None = None
    """An ISO 8601 time or Unix seconds, as it stands in the event."""

    @property
    def id(self) -> str | None:
        """The id of the product that the event is about, else its SKU, as text; None if it has neither."""
        found = self.product_id if self.product_id is not None else self.sku
        return None if found is None else str(found)

    @cached_property
    def product_ids(self) -> tuple[str, ...]:
        """The different products of the lines, in their order; a line with neither id nor SKU has none.

        >>> Properties(products=(Product("a"), Product(sku=7), Product("a"), Product())).product_ids
        ('a', '7')
        """
        ids: list[Any] = [line.product_id for line in self.products]
        if set(map(type, ids)) != {str}:  # few logs; asking each line takes four times as long
            ids = [found for line in self.products if (found := line.id) is not None]
        return tuple(dict.fromkeys(ids))

    def worth(self) -> float:
        """The money of an order: `revenue`, else `total`, else `value`, else the sum over its lines.

        >>> Properties(products=(Product("a", price=2.5, quantity=4), Product("b"))).worth()
        10.0
        """
        if self.revenue is not None:  # as a rule, and several signals ask
            return self.revenue
        for given in (self.total, self.value):
            if given is not None:
                return given
        return sum(((line.price or 0.0) * line.quantity for line in self.products), 0.0)


NOTHING = Properties()


class Device(msgspec.Struct, frozen=True):
    """What the event was sent from, such as `ios`, `android` or `desktop`."""

    type: str | None = None


class Campaign(msgspec.Struct, frozen=True):
    """What brought the customer: `medium` such as `email`, `source` such as `newsletter`."""

    medium: str | None = None
    source: str | None = None


class Location(msgspec.Struct, frozen=True):
    """Where the customer was."""

    country: str | None = None


class ConsentGiven(msgspec.Struct, frozen=True, rename="camel"):
    """Segment's consent object: whether the customer lets each category of purposes be."""

    category_preferences: dict[str, bool] = {}


class Context(msgspec.Struct, frozen=True):
    """The part of `context` that Ebbtide reads. The rest is kept in the log, and not decoded."""

    device: Device | None = None
    campaign: Campaign | None = None
    location: Location | None = None
    timezone: str | None = None
    consent: ConsentGiven | None = None


class Event(msgspec.Struct, frozen=True, gc=False):
    """What a signal sees: who, what, when.

    `name` is the track event's name, else the call's type (`identify`, `page`, ...).
    `at` is event time in Unix seconds, UTC, after the clock rule.
    """

    id: str
    customer: str
    name: str
    at: float
    properties: Properties = NOTHING
    traits: dict[str, Any] | None = None
    context: Context | None = None
    also: str | None = None
    """Another id of the same customer, as an `identify` or an `alias` says."""


class _Call(msgspec.Struct, frozen=True, tag_field="type", rename="camel"):
    kind: ClassVar[str]
    timestamp: datetime
    message_id: str
    user_id: Identifier | None = None
    anonymous_id: Identifier | None = None
    properties: Properties = NOTHING
    traits: dict[str, Any] | None = None
    context: Context | None = None


class Track(_Call, frozen=True, tag="track", kw_only=True):
    """Something the customer did."""

    event: str


class Identify(_Call, frozen=True, tag="identify"):
    """Who the customer is."""


class Page(_Call, frozen=True, tag="page"):
    """A page seen."""


class Screen(_Call, frozen=True, tag="screen"):
    """A screen of an app seen."""


class Group(_Call, frozen=True, tag="group"):
    """The account that a customer belongs to."""


class Alias(_Call, frozen=True, tag="alias", kw_only=True):
    """Two ids of one customer."""

    previous_id: Identifier


Call = Track | Identify | Page | Screen | Group | Alias
CALL_TYPES = ("track", "identify", "page", "screen", "group", "alias")
_DECODER = msgspec.json.Decoder(Call, strict=False)
_SOFT: dict[str, dict[str, Any]] = {
    "context": {field.name: field.type for field in msgspec.structs.fields(Context)},
    "properties": {
        field.name: field.type
        for field in msgspec.structs.fields(Properties)
        if field.name
        in {
            *("name", "category", "brand", "coupon", "currency", "score", "rating", "comment", "review_body"),
            *("first_contact", "plan", "renewal_date"),
        }
    },
    "traits": {},
}
"""What may be missing, by the part of a call in which it stands: all but ids, times, products and money."""
_RENAMED: dict[type, str] = {Page: "Page Viewed", Screen: "Screen Viewed"}


def unix_seconds(moment: datetime) -> float:
    """Unix seconds of a moment; one without a time zone is taken as UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def decode(raw: bytes) -> Event:
    """Decode one logged Segment call (JSON, UTF-8) whose `timestamp` and `messageId` are set.

    What may be missing counts as missing where it has another type than the specification says: the context,
    traits, words and scores. Ids, times, products and money have to be right.

    Raises:
        EventError: not JSON, not of the specification, or without `userId` and `anonymousId`.

    >>> decode(b'{"type":"track","event":"Order Completed","messageId":"m1","userId":7,'
    ...        b'"timestamp":"2026-01-02T00:00:00Z","properties":{"revenue":"12.5"}}').properties.worth()
    12.5
    """
    try:
        try:
            call = _DECODER.decode(raw)
        except msgspec.ValidationError:
            call = _DECODER.decode(_without_misfits(raw))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise EventError(str(error)) from error
    customer = call.user_id if call.user_id is not None else call.anonymous_id
    if customer is None or customer == "":
        raise EventError("expected `userId` or `anonymousId`, found neither")
    kind = type(call)
    name = call.event if kind is Track else _RENAMED.get(kind, kind.__name__.lower())
    at = unix_seconds(call.timestamp)
    also: Identifier | None = None
    if kind is Alias:
        also = call.previous_id
    elif kind is Identify and call.user_id is not None:
        also = call.anonymous_id
    shown = None if also is None else str(also)
    return Event(call.message_id, str(customer), name, at, call.properties, call.traits, call.context, shown)


def _without_misfits(raw: bytes) -> bytes:
    """The call without what is null, or has a type that is not its own, where it may be missing."""
    call = msgspec.json.decode(raw)
    if not isinstance(call, dict):
        return raw
    for part, soft in _SOFT.items():
        given = call.get(part)
        if isinstance(given, dict):
            call[part] = {
                key: each
                for key, each in given.items()
                if each is not None and (key not in soft or _fits(each, soft[key]))
            }
        elif given is None or part != "properties":
            call.pop(part, None)
    return msgspec.json.encode(call)


def _fits(given: object, type_: Any) -> bool:
    try:
        msgspec.convert(given, type_, strict=False)
    except msgspec.ValidationError:
        return False
    return True
