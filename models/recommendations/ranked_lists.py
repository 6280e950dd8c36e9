"""What a trained ranker says of each customer: the lists that are served, with the reason of each product."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.recommendations import ranked
from models.recommendations.bought_before import Places
from models.recommendations.candidates import Candidates
from models.recommendations.purchases import DAY, Purchases
from models.recommendations.ranker import Best, Ranker
from models.recommendations.ranking_metrics import NONE
from models.recommendations.shown import Alike, Own, Popular, Shown, Why, With

YEAR = 365.0
"""Days back within which a customer must have ordered to get a list."""
_STANDS_OUT = 20
"""A new product is explained by a source among whose so many best products, of one customer, it is."""
_ALIKE = ("neighbours", "neighbours_first", "ease", "alike", "factors")


class List(NamedTuple):
    """A customer's list, best first."""

    customer: str
    places: list[Shown]


def listed(past: Purchases, cut: float) -> Places:
    """The customers who get a list at a moment (Unix seconds): places, ascending."""
    return np.unique(past.customer[past.at >= cut - YEAR * DAY]).astype(np.int64)


def lists(
    ranker: Ranker, past: Purchases, cut: float, customers: Places, count: int = ranked.MOST
) -> Iterator[List]:
    """The list of each of these customers.

    Args:
        ranker: learned from `past` at the moment.
        past: the purchases before the moment.
        cut: the moment, Unix seconds.
        customers: places, ascending, as from `listed`.
        count: products of a list.
    """
    done = 0
    for best in ranker.best(customers, count):
        asked = customers[done : done + len(best.chosen)]
        done += len(asked)
        reasons = _Reasons(best, ranker.candidates, past.products, cut)
        starts = np.searchsorted(best.rows.customer, [asked, asked + 1])
        for customer, chosen, start, end in zip(asked, best.chosen, *starts, strict=True):
            rows = chosen[chosen != NONE]
            products = [past.products[product] for product in best.rows.product[rows]]
            whys = reasons.of(customer, rows, slice(start, end))
            places = list(map(Shown, products, best.chances[rows].tolist(), whys))
            yield List(past.customers[customer], places)


class _Reasons:
    """Why products are in the lists of some customers."""

    def __init__(self, best: Best, candidates: Candidates, products: tuple[str, ...], cut: float) -> None:
        self._rows, self._candidates, self._products, self._cut = best.rows, candidates, products, cut
        self._column = {name: place for place, name in enumerate(candidates.names)}

    def of(self, customer: int, rows: Places, among: slice) -> list[Why]:
        """The reason of each of some rows; `among` are all rows of the customer."""
        new = self._rows.new[rows]
        gaps, lasts = (self._values(name, rows) for name in ("gap_days", "last_days"))
        together = self._stands_out("together", rows, among)
        alike = np.any([self._stands_out(name, rows, among) for name in _ALIKE], axis=0)
        because = np.full(len(rows), -1)
        because[new] = self._candidates.affinity.because(customer, self._rows.product[rows[new]])
        found: list[Why] = []
        for place in range(len(rows)):
            if not new[place]:
                gap = gaps[place]
                last = self._cut - float(lasts[place]) * DAY
                found.append(Own(0 if np.isnan(gap) else max(round(float(gap)), 1), last))
            elif together[place] and because[place] >= 0:
                found.append(With(self._products[because[place]]))
            else:
                found.append(Alike() if alike[place] else Popular())
        return found

    def _values(self, name: str, rows: "Places | slice") -> NDArray[np.float32]:
        return np.asarray(self._rows.values[rows, self._column[name]])

    def _stands_out(self, source: str, rows: Places, among: slice) -> NDArray[np.bool_]:
        """Whether the score of a source is among the highest of the customer's new products."""
        scores = self._values(source, among)[self._rows.new[among]]
        if not len(scores):
            return np.zeros(len(rows), dtype=bool)
        least = np.partition(scores, -min(_STANDS_OUT, len(scores)))[-min(_STANDS_OUT, len(scores))]
        return self._values(source, rows) >= max(float(least), 1e-6)
