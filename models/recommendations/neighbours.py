"""Neighbours of a product: with which lines of an order it is paired, and which are the likest."""

from array import array
from collections.abc import Callable, Iterable
from heapq import nlargest
from math import log2, sqrt
from zlib import crc32

import msgspec


class Near(msgspec.Struct, array_like=True, frozen=True):
    """Neighbours, the likest first: base-2 logarithms of their weights (float32), likeness in 255ths."""

    products: list[str] = []
    weights: bytes = b""
    likeness: bytes = b""


def strides(count: int, pairs: int, order: str) -> Iterable[int]:
    """How far apart the lines of an order are that are paired; in a large one other ones each time."""
    half, most = count // 2, max(pairs // count, 1)
    if half <= most:
        return range(1, half + 1)
    start, step = crc32(order.encode()), half / most
    return {1 + int(start + number * step) % half for number in range(most)}


def let_go(near: dict[str, float], most: int) -> dict[str, float]:
    """The heaviest neighbours, twice as many as are stored: the newest have to prove themselves."""
    least = sorted(near.values())[-2 * most]
    heaviest = {product: value for product, value in near.items() if value > least}
    equal = [product for product, value in near.items() if value == least]
    for product in equal[len(heaviest) - 2 * most :]:  # the newest of them
        heaviest[product] = least
    return heaviest


def likest(near: dict[str, float], own: float, orders: Callable[[str], float], most: int) -> Near:
    """The likest neighbours by the cosine, weight / sqrt(own orders * the other's)."""
    if not near:
        return _NOBODY
    best = nlargest(most, [(value / sqrt(orders(other)), value, other) for other, value in near.items()])
    return Near(
        [other for _, _, other in best],
        array("f", [log2(value) for _, value, _ in best]).tobytes(),
        bytes([min(int(255.0 * share / sqrt(own) + 0.5), 255) for share, _, _ in best]),
    )


_NOBODY = Near()


def weights(near: Near) -> dict[str, float]:
    """The neighbours stored, with their weights."""
    return dict(zip(near.products, [2.0**value for value in array("f", near.weights)], strict=True))
