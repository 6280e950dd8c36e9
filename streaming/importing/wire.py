"""Events as they travel: Segment `track` calls as JSON, made from a frame with one row per event."""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice, repeat
from typing import Any, TypeVar

import msgspec
import polars as pl

from ebbtide.domain.event import Product, Properties
from streaming.importing.kinds import ORDERS
from streaming.importing.report import Report

BATCH = 1_000
"""Events in one batch."""
LINE = ("product", "name", "category", "brand", "price", "quantity")
"""List columns, one element per line of an order, in the order of the fields of `Product`."""
_SCALARS = ("order_id", "revenue", "discount", "coupon_id", "promotion_id")


T = TypeVar("T")


def batched(items: Iterable[T]) -> Iterator[list[T]]:
    """Cut a stream into lists of `BATCH` items."""
    stream = iter(items)
    while batch := list(islice(stream, BATCH)):
        yield batch


class _Track(msgspec.Struct, frozen=True, tag_field="type", tag="track", rename="camel"):
    event: str
    message_id: str
    user_id: str
    timestamp: str
    properties: Properties


def message_id(*parts: object) -> str:
    """Make an id that is the same for the same parts, so that importing twice counts once."""
    text = "\x1f".join("" if part is None else str(part) for part in parts)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def encode(events: pl.DataFrame, source: str, report: Report) -> Iterator[list[bytes]]:
    """Encode a frame's rows, sorted by time, in batches; adds `report.shift` to times; counts them.

    Columns: `event`, `customer`, `time` (microseconds, UTC) and `nth`, which tells apart events equal in
    everything else; as far as known `order_id`, `revenue`, `discount`, `coupon_id`, `promotion_id` and the
    list columns `product`, `name`, `category`, `brand`, `price`, `quantity`. Orders get them as `products`,
    other events as properties of their own.
    """
    encoder = msgspec.json.Encoder()
    for part in events.iter_slices(BATCH):
        moved = part["time"].dt.offset_by(f"{round(report.shift * 1e6)}us")
        micros = moved.dt.epoch("us")
        report.made(part["event"], micros[0] / 1e6, micros[-1] / 1e6)
        timestamps = moved.dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
        yield [encoder.encode(call) for call in _calls(part, source, timestamps)]


def _calls(part: pl.DataFrame, source: str, timestamps: pl.Series) -> Iterator[_Track]:
    def column(name: str) -> Iterable[Any]:
        return part[name].to_list() if name in part.columns else repeat(None, part.height)

    scalars = zip(*map(column, _SCALARS), strict=True)
    lines = zip(*map(column, LINE), strict=True)
    # The unshifted time goes into the id: however a log is moved, it is the same log.
    identity = zip(part["time"].dt.epoch("us"), column("nth"), strict=True)
    who = zip(part["event"], part["customer"], timestamps, strict=True)
    for (event, customer, timestamp), own, line, (time, nth) in zip(
        who, scalars, lines, identity, strict=True
    ):
        products = _products(*line) if any(line) else ()
        properties = _properties(event, own, products)
        single = products[0].id if products and event not in ORDERS else None
        unique = message_id(source, customer, event, *own[:1], *own[3:], single, time, nth)
        yield _Track(event, unique, customer, timestamp, properties)


def _products(*lists: list[Any] | None) -> tuple[Product, ...]:
    product, *others = (repeat(None) if values is None else values for values in lists)
    return tuple(map(Product, product, repeat(None), *others))  # the second field is the SKU


def _properties(event: str, own: tuple[Any, ...], products: tuple[Product, ...]) -> Properties:
    given = dict(zip(_SCALARS, own, strict=True))
    if event in ORDERS or not products:
        return Properties(products=products, **given)
    return Properties(**given, **msgspec.structs.asdict(products[0]))
