"""An item: what a shop says of one of its products, and when it may be shown. Pure: the moment is given."""

import difflib
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import msgspec

from ebbtide.domain.event import EventError
from ebbtide.domain.ingest import iso, parse_time

MAX_ITEM_BYTES = 2_048
"""What an item takes in the store at most; most take 100 to 300."""
MAX_ID = 200
"""Letters of an id."""
DAY = 86_400.0
_SECONDS = re.compile(r"\d{9,11}(\.\d+)?")
"""Unix seconds written as text, from 1973 on: fewer digits may be a date."""
Attribute = str | float | bool


class ItemError(ValueError):
    """An item that cannot be used; the message says of each field what was expected and what was found."""


class Item(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """An item as it is stored; what nobody said is None.

    `price` in the currency of the events; `stock` None where nobody counts it, 0 where it is sold out.
    `available_from` and `available_until` (Unix seconds, UTC) bound the time in which it may be shown; the
    end does not belong to it. `sold_out_since` is when the stock fell to 0, as long as it is.
    """

    id: str
    name: str | None = None
    category: str | None = None
    brand: str | None = None
    price: float | None = None
    stock: float | None = None
    available_from: float | None = None
    available_until: float | None = None
    url: str | None = None
    image: str | None = None
    attributes: dict[str, Attribute] = {}
    sold_out_since: float | None = None

    @property
    def sold_out(self) -> bool:
        """Whether none is left, as far as somebody counts."""
        return self.stock is not None and self.stock <= 0.0

    def available(self, now: float) -> bool:
        """Whether it may be shown at `now` (Unix seconds, UTC): in stock, and within its dates.

        >>> Item("tea", stock=3).available(0.0), Item("tea", stock=0).available(0.0)
        (True, False)
        """
        if self.sold_out or (self.available_from is not None and now < self.available_from):
            return False
        return self.available_until is None or now < self.available_until


def described(known: Item | None, given: Mapping[str, Any], now: float) -> Item:
    """What is known of an item after something was said of it at `now`; `item_id` has passed its id.

    What is given replaces what was known, null takes it away, and what is left out stays. `soldOutSince`,
    which comes with an item that is read, is passed over.

    Raises:
        ItemError: all that is wrong with it.

    >>> tea = described(None, {"id": "tea", "name": "Tea", "stock": 4}, now=0.0)
    >>> gone = described(tea, {"id": "tea", "stock": "0"}, now=60.0)
    >>> gone.name, gone.stock, gone.sold_out_since
    ('Tea', 0.0, 60.0)
    """
    faults: list[str] = []
    said: dict[str, Any] = {}
    for key, value in given.items():
        if key == "soldOutSince":
            continue
        field = _FIELDS.get(key)
        if field is None:
            near = difflib.get_close_matches(key, _FIELDS, n=1)
            meant = f"; did you mean `{near[0]}`?" if near else "; what is yours goes under `attributes`"
            faults.append(f"`{key}`: expected one of {', '.join(_FIELDS)}{meant}")
            continue
        name, expected, read = field
        try:
            said[name] = ({} if name == "attributes" else None) if value is None else read(value)
        except (EventError, OverflowError, TypeError, ValueError):
            faults.append(f"`{key}`: expected {expected}, found {_shown(value)}")
    item = _both(known, said, now)
    if item.available_from is not None and (item.available_until or float("inf")) <= item.available_from:
        faults.append("`availableFrom`: expected a time before `availableUntil`")
    if not faults and (size := len(encode(item))) > MAX_ITEM_BYTES:
        faults.append(f"expected at most {MAX_ITEM_BYTES} bytes, found {size}")
    if faults:
        raise ItemError("; ".join(faults))
    return item


def item_id(given: object) -> str:
    """The id of what was given as an item.

    Raises:
        ItemError: it is no object, or it has no id that can be used.

    >>> item_id({"id": 7})
    '7'
    """
    if not isinstance(given, Mapping):
        raise ItemError(f"expected an object, found {type(given).__name__}")
    if given.get("id") is None:
        raise ItemError("`id`: expected text or an integer, found none")
    try:
        return _id(given["id"])
    except (TypeError, ValueError):
        raise ItemError(
            f"`id`: expected 1 to {MAX_ID} letters or an integer, found {_shown(given['id'])}"
        ) from None


def public(item: Item) -> dict[str, Any]:
    """The item as JSON has it, times as ISO 8601 in UTC, what is not known left out.

    >>> public(Item("tea", price=2.5, available_from=0.0))
    {'id': 'tea', 'price': 2.5, 'availableFrom': '1970-01-01T00:00:00Z'}
    """
    shown: dict[str, Any] = msgspec.to_builtins(item)
    for name in ("availableFrom", "availableUntil", "soldOutSince"):
        if name in shown:
            shown[name] = iso(shown[name])
    return shown


def value_of(item: Item, field: str) -> Any:
    """What is known of one of the `FIELDS`; None for nothing."""
    return getattr(item, _FIELDS[field][0])


def encode(item: Item) -> bytes:
    """The item as it is stored, MessagePack."""
    return _ENCODER.encode(item)


def decode(raw: bytes) -> Item:
    """Read what `encode` wrote.

    Raises:
        msgspec.MsgspecError: it is something else.
    """
    return _DECODER.decode(raw)


def _both(known: Item | None, said: Mapping[str, Any], now: float) -> Item:
    item = msgspec.structs.replace(known or Item(""), **said)
    if not item.sold_out:
        return msgspec.structs.replace(item, sold_out_since=None)
    since = now if item.sold_out_since is None else item.sold_out_since
    return msgspec.structs.replace(item, sold_out_since=since)


def _id(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError
    text = str(value).strip()
    if not 0 < len(text) <= MAX_ID:
        raise ValueError
    text.encode()  # half a surrogate pair cannot be stored
    return text


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    value.encode()
    return value


def _number(value: object, least: float = -1e12) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError
    number = float(value)
    if not least <= number <= 1e12:  # nor where it is no number
        raise ValueError
    return number


def _price(value: object) -> float:
    return _number(value, 0.0)


def _stock(value: object) -> float:
    return max(_number(value), 0.0)  # sold more than there was


def _start(value: object) -> float:
    return _moment(value, 0.0)


def _end(value: object) -> float:
    return _moment(value, DAY)


def _moment(value: object, day: float) -> float:
    """Unix seconds of a time; of a date, which is a whole day in UTC, its midnight and `day` seconds."""
    text = str(value)
    found = parse_time(float(text) if _SECONDS.fullmatch(text) else value, "time")
    if not 0.0 <= found < 1e11:
        raise ValueError
    try:
        date.fromisoformat(text)
    except ValueError:
        return found
    return found + day


def _attributes(value: object) -> dict[str, Attribute]:
    if not isinstance(value, Mapping):
        raise TypeError
    return {_text(name): _attribute(each) for name, each in value.items() if each is not None}


def _attribute(value: object) -> Attribute:
    return value if isinstance(value, bool) else _text(value) if isinstance(value, str) else _number(value)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


_FIELDS: dict[str, tuple[str, str, Callable[[Any], Any]]] = {
    "id": ("id", "text or an integer", _id),
    "name": ("name", "text", _text),
    "category": ("category", "text", _text),
    "brand": ("brand", "text", _text),
    "price": ("price", "a number from 0 on", _price),
    "stock": ("stock", "a number", _stock),
    "availableFrom": ("available_from", "an ISO 8601 time, a date or Unix seconds", _start),
    "availableUntil": ("available_until", "an ISO 8601 time, a date or Unix seconds", _end),
    "url": ("url", "text", _text),
    "image": ("image", "text", _text),
    "attributes": ("attributes", "names with text, numbers, true or false", _attributes),
}
FIELDS = tuple(_FIELDS)
"""What may be said of an item, in the order of the documentation."""
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Item)
