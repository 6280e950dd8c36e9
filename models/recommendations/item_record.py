"""What is stored of a product: what it is called, how much it is bought and viewed, and what goes with it."""

import msgspec

HALF_LIFE = 30.0
"""Days after which an order or a view counts half."""
NEAREST, BESIDE = 20, 10
"""Neighbours stored of a product: bought together, and viewed together."""


class Near(msgspec.Struct, array_like=True, frozen=True):
    """Neighbours, the likest first: base-2 logarithms of their weights (float32), likeness in 255ths."""

    products: list[str] = []
    weights: bytes = b""
    likeness: bytes = b""


class Record(msgspec.Struct, array_like=True, frozen=True):
    """What is stored of a product; `first` and `last` in Unix seconds, UTC, the last to the week.

    `orders` and `views` are decayed with a half-life of 30 days, `lately`, which is both, with that of the
    charts. Some 400 bytes, 2.6 kB at most where ids are of one byte a letter.
    """

    name: str | None
    category: str | None
    brand: str | None
    price: float | None
    first: float
    last: float
    orders: float
    views: float
    lately: float
    together: Near = Near()
    beside: Near = Near()
