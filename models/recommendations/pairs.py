"""Pairs of products: which lines of an order are paired, and of each product the neighbours that it has met.

What goes together is the cosine of two products' orders (Linden, Smith and York, "Amazon.com
Recommendations", IEEE Internet Computing 2003), held down where few orders say so.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.recommendations.item_record import Near

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Flags = NDArray[np.bool_]

HELD = 6
"""Times as many neighbours of a product in memory as are stored: the newest have to prove themselves."""


class Paired(NamedTuple):
    """Lines of orders that are paired, by their places among all lines; and whose order it is."""

    ones: Places
    others: Places
    order: Places


def paired(counts: Places, orders: Sequence[str], pairs: int) -> Paired:
    """The lines of orders that are paired: of a large order each with some others, not with all.

    Lines are paired that are so many apart, around the end of the order; in a large one other ones each time.

    Args:
        counts: lines of each order, which stand one after the other.
        orders: their ids, by which the distances are chosen.
        pairs: counted of an order, at least one of each line.
    """
    half, most = counts // 2, np.maximum(pairs // np.maximum(counts, 1), 1)
    times = np.minimum(half, most)
    order = np.repeat(np.arange(len(counts)), times)
    number = _within(times)
    start = np.zeros(len(counts), np.int64)
    large = np.flatnonzero(half > most)
    start[large] = [crc32(orders[place].encode()) for place in large.tolist()]
    step = np.where(half > most, half / most, 1.0)
    apart = 1 + (start[order] + number * step[order]).astype(np.int64) % half[order]
    count, first = counts[order], (np.cumsum(counts) - counts)[order]
    reach = np.where(2 * apart == count, apart, count)  # half an order apart each pair comes twice
    ones = np.repeat(first, reach) + _within(reach)
    others = ones + np.repeat(apart, reach)
    others -= np.where(others >= np.repeat(first + count, reach), np.repeat(count, reach), 0)
    return Paired(ones, others, np.repeat(order, reach))


def _within(counts: Places) -> Places:
    """0, 1, 2 ... for each of the counts, one after the other."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


class Pairs:
    """How much products met others: a sparse matrix, in which a row has the neighbours of a product.

    What comes in piles up, and is added when it is settled. A row keeps the heaviest, and the other product's
    row does so by itself: the matrix is not symmetric. A cell takes 12 bytes.

    Args:
        most: neighbours that are stored of a product.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._cells: Any = sparse.csr_array((0, 0))
        self._met: list[tuple[Places, Places, Floats]] = []
        self._stored: list[tuple[Places, Places, Floats]] = []
        self.waiting = 0
        """Pairs that are not settled."""

    def meet(self, ones: Places, others: Places, weights: Floats) -> None:
        """Note that products met, by their numbers."""
        self._met.append((ones, others, weights))
        self.waiting += len(ones)

    def put(self, one: int, others: Places, near: Near) -> None:
        """Take up what was stored of a product."""
        weights = np.exp2(np.frombuffer(near.weights, np.float32).astype(np.float64))
        self._stored.append((np.full(len(others), one), others, weights))
        self.waiting += len(others)

    def settle(self, size: int) -> None:
        """Add what piled up, and let go of light neighbours of products that have too many.

        Args:
            size: above all numbers of products.
        """
        self._cells.resize((size, size))
        if self._stored:
            self._cells = self._cells + added(self._stored, (size, size))
        if self._met:
            met = added(self._met, (size, size))
            self._cells = self._cells + met + met.T.tocsr()
        self._met, self._stored, self.waiting = [], [], 0
        self._let_go()

    def nearest(
        self, rows: Places, counted: Floats, known: Flags, held: float, names: list[str]
    ) -> list[Near]:
        """The likest neighbours of products by the cosine, weight / sqrt(own count * the other's).

        Args:
            rows: the products, by number; all is settled.
            counted: by number the orders, or views, of each product.
            known: by number whether that is known; else the other's are taken to be as many as the own.
            held: added to all counts, so that few prove little.
            names: by number the ids.
        """
        cells = self._cells[rows]
        lengths = np.diff(cells.indptr)
        own, other = np.repeat(rows, lengths), cells.indices
        theirs = np.where(known[other], counted[other], counted[own]) + held
        shares = cells.data / np.sqrt(theirs)
        best = _heaviest(cells.indptr, shares, self._most)
        ends = np.cumsum(np.minimum(lengths, self._most)).tolist()
        alike = 255.0 * shares[best] / np.sqrt(counted[own[best]] + held) + 0.5
        likeness = np.minimum(alike, 255.0).astype(np.uint8).tobytes()
        weights = np.log2(cells.data[best]).astype(np.float32).tobytes()
        products = [names[number] for number in other[best].tolist()]
        return [
            Near(products[start:end], weights[4 * start : 4 * end], likeness[start:end])
            if end > start
            else _NOBODY
            for start, end in zip([0, *ends], ends, strict=False)
        ]

    def neighbours(self) -> Places:
        """The numbers of all that stand in a row; all is settled."""
        return np.unique(self._cells.indices)

    def empty(self, rows: Flags) -> None:
        """Forget the neighbours of products, by number; all is settled."""
        self._cells = _chosen(self._cells, np.repeat(~rows, np.diff(self._cells.indptr)))

    def keep(self, numbers: Flags) -> None:
        """Forget the other numbers, which have no neighbours and are none, and close the gaps."""
        self._cells = self._cells[numbers][:, numbers]

    def _let_go(self) -> None:
        """Of rows that are too long keep the heaviest cells."""
        most, ends, weights = HELD * self._most, self._cells.indptr, self._cells.data
        crowded = np.flatnonzero(np.diff(ends) > most)
        if not len(crowded):
            return
        stay = np.ones(len(weights), np.bool_)
        for start, end in zip(ends[crowded].tolist(), ends[crowded + 1].tolist(), strict=True):
            light = end - start - most
            stay[start + np.argpartition(weights[start:end], light)[:light]] = False
        self._cells = _chosen(self._cells, stay)


_NOBODY = Near()


def added(piled: Sequence[tuple[Places, Places, Floats]], shape: tuple[int, int]) -> Any:
    """A sparse matrix of rows, columns and weights that piled up; those of the same cell are added."""
    rows, columns, weights = (np.concatenate(each) for each in zip(*piled, strict=True))
    return sparse.coo_array((weights, (rows, columns)), shape=shape).tocsr()


def _chosen(cells: Any, stay: Flags) -> Any:
    """The matrix with some of its cells."""
    places = np.flatnonzero(stay)
    ends = np.searchsorted(places, cells.indptr)
    return sparse.csr_array((cells.data[places], cells.indices[places], ends), shape=cells.shape)


def _heaviest(ends: Places, values: Floats, most: int) -> Places:
    """The places of the largest values of each row, the largest first; of equal ones the last in the row.

    Args:
        ends: where each row begins, and the last ends.
        values: of all rows, one after the other.
        most: of a row.
    """
    lengths = np.diff(ends)
    if not len(values):
        return np.empty(0, np.intp)
    full = lengths > 0
    largest = np.repeat(np.maximum.reduceat(values, ends[:-1][full]), lengths[full])
    rows = np.repeat(np.arange(len(lengths)), lengths)
    order = np.argsort(values / largest - 2.0 * rows, kind="stable")[::-1]  # a fourth of what lexsort takes
    found: Places = order[_within(lengths) < most]
    return found
