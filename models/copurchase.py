"""Which products go together, and which are popular: learned from orders.

Item-to-item co-purchase (Linden, Smith and York, "Amazon.com Recommendations", IEEE Internet Computing 2003):
the cosine of two products' orders, shrunk where they share few.
"""

from array import array
from collections.abc import Iterable, Iterator

import msgspec
import numpy as np
from scipy import sparse

from ebbtide.domain.event import Event, Product

DAY = 86_400.0
MAX_ITEMS = 50_000
"""Products kept, those in most orders first."""
MAX_PAIRED = 20_000
"""Products that get neighbours, those in most orders first: bounds the time and memory of pairing."""
MAX_BASKET = 500
"""Products of the largest order that says what goes together; a wholesaler's stock does not."""
MIN_TOGETHER = 2
"""Orders that two products must share to be neighbours."""
NEAREST = 20
"""Neighbours kept of a product."""
SHRINKAGE = 10.0
"""Orders shared at which a pair's cosine counts half: few orders prove little."""
HALF_LIFE = 30.0
"""Days after which an order counts half for popularity."""
MOST_POPULAR = 100
"""Popular products kept."""
_BLOCK = 1_000


class Item(msgspec.Struct, frozen=True, array_like=True):
    """A product: its last known name, category and unit price; popularity, where the most popular has 1."""

    name: str | None = None
    category: str | None = None
    price: float | None = None
    popularity: float = 0.0


Scored = tuple[str, float]
"""A product's id and a score."""


class ItemTable(msgspec.Struct, frozen=True):
    """What `fit` learned: items, the neighbours of each and the most popular ones, best first."""

    items: dict[str, Item]
    neighbours: dict[str, list[Scored]]
    popular: list[Scored]


class _Orders:
    """Orders as arrays: which products, when."""

    def __init__(self) -> None:
        self.index: dict[str, int] = {}
        self.shown: list[Product] = []
        self.products, self.ends, self.times = array("i"), array("q", [0]), array("d")

    def add(self, event: Event) -> None:
        found = {line.id: line for line in event.properties.products if line.id is not None}
        if not found:
            return
        for product, line in found.items():
            place = self.index.setdefault(product, len(self.shown))
            if place == len(self.shown):
                self.shown.append(line)
            elif line.name is not None or self.shown[place].name is None:
                self.shown[place] = line
            self.products.append(place)
        self.ends.append(len(self.products))
        self.times.append(event.at)

    def matrix(self) -> sparse.csr_matrix:
        """Return orders x products, 1 where the order has the product."""
        ones = np.ones(len(self.products), dtype=np.float32)
        shape = (len(self.times), len(self.shown))
        return sparse.csr_matrix((ones, np.asarray(self.products), np.asarray(self.ends)), shape=shape)


def fit(orders: Iterable[Event]) -> ItemTable:
    """Learn from orders (other events are passed over), in any order.

    Memory grows with the order lines (4 bytes each) and the different products; a year of 1.4 million lines
    takes a few seconds.
    """
    seen = _Orders()
    for event in orders:
        if event.name == "Order Completed":
            seen.add(event)
    if not seen.times:
        return ItemTable({}, {}, [])
    matrix, ids = seen.matrix(), np.array(list(seen.index), dtype=object)
    frequency = np.asarray(matrix.sum(axis=0)).ravel()
    popularity = _popularity(matrix, np.asarray(seen.times))
    by_frequency = np.argsort(-frequency, kind="stable")
    items = {
        ids[place]: Item(line.name, line.category, line.price, round(float(popularity[place]), 4))
        for place in by_frequency[:MAX_ITEMS]
        for line in [seen.shown[place]]
    }
    best = np.argsort(-popularity, kind="stable")[:MOST_POPULAR]
    popular = [(ids[place], round(float(popularity[place]), 4)) for place in best]
    paired = by_frequency[: min(MAX_PAIRED, int((frequency >= MIN_TOGETHER).sum()))]
    return ItemTable(items, dict(_pairs(matrix, frequency, paired, ids)), popular)


def _popularity(matrix: sparse.csr_matrix, times: np.ndarray) -> np.ndarray:
    """Count orders, half as much for each half-life before the last one, as a share of the largest count."""
    weights = 0.5 ** ((times.max() - times) / DAY / HALF_LIFE)
    counts = matrix.T @ weights
    return np.asarray(counts / counts.max())


def _pairs(
    matrix: sparse.csr_matrix, frequency: np.ndarray, paired: np.ndarray, ids: np.ndarray
) -> Iterator[tuple[str, list[Scored]]]:
    """Yield each product's neighbours; block by block, so that the whole product x product never exists."""
    sized = matrix[np.diff(matrix.indptr) <= MAX_BASKET][:, paired]
    transposed = sized.T.tocsr()
    names, norms = ids[paired], np.sqrt(frequency[paired])
    for start in range(0, len(paired), _BLOCK):
        together = (transposed[start : start + _BLOCK] @ sized).tocsr()
        for row in range(together.shape[0]):
            part = slice(together.indptr[row], together.indptr[row + 1])
            others, counts = together.indices[part], together.data[part].astype(np.float64)
            kept = (counts >= MIN_TOGETHER) & (others != start + row)
            others, counts = others[kept], counts[kept]
            cosine = counts / (norms[start + row] * norms[others]) * (counts / (counts + SHRINKAGE))
            nearest = np.lexsort((others, -cosine))[:NEAREST]
            if len(nearest):
                scores = cosine[nearest].round(4).tolist()
                yield names[start + row], list(zip(names[others[nearest]], scores, strict=True))
