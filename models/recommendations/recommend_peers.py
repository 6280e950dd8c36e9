"""What the field would recommend instead: what is popular, what one bought most, and models of `implicit`.

Each learns from the same purchases as Ebbtide's ranker and recommends to the same customers. A model of
`implicit` sees how many orders of a customer held a product, with its defaults but for ALS, which gets 64
factors. Source: https://benfred.github.io/implicit/
"""

import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

from models.recommendations.purchases import DAY, Purchases
from models.recommendations.ranking_metrics import NONE, TOP, Lists

RECENT = 30.0
"""Days back that count as trending."""
FACTORS = 64
"""Of ALS."""
SEED = 7
_BLOCK = 256

Peer = Callable[[bool], Lists]
"""Gives each customer's list; of new products alone, if so asked."""


def peers(past: Purchases, customers: NDArray[np.int64], cut: float) -> dict[str, Peer]:
    """What recommends to these customers (places, ascending) at a moment, by name; needs no learning yet."""
    counts = orders_by_pair(past)
    asked = counts[customers]
    popular = np.asarray(counts.sum(axis=0), dtype=np.float64).ravel()
    recent = np.bincount(past.product[past.at >= cut - RECENT * DAY], minlength=len(past.products))
    found: dict[str, Peer] = {
        "popularity": lambda new: _popular(popular, asked, new=new),
        "trending": lambda new: _popular(recent.astype(np.float64), asked, new=new),
        "own_most_bought": lambda new: _own(asked, past.products, new=new),
    }
    if implicit_installed():
        for name in ("item_knn", "bm25", "als"):
            found[name] = _Implicit(name, counts, customers)
    return found


def implicit_installed() -> bool:
    """Tell whether the package that brings three of the peers is there."""
    return importlib.util.find_spec("implicit") is not None


def orders_by_pair(past: Purchases) -> sparse.csr_matrix:
    """In how many orders each customer bought each product, shape (customers, products)."""
    shape = (len(past.customers), len(past.products))
    ones = np.ones(len(past), dtype=np.float32)
    found = sparse.csr_matrix((ones, (past.customer, past.product)), shape=shape)
    found.sum_duplicates()
    return found


def _popular(scores: NDArray[np.float64], had: sparse.csr_matrix, *, new: bool) -> Lists:
    """The products of the highest score, the same for all but for what is not new to one."""
    found = []
    for start in range(0, had.shape[0], _BLOCK):
        block = had[start : start + _BLOCK]
        of_each = np.tile(scores, (block.shape[0], 1))
        if new:
            of_each[block.nonzero()] = -1.0
        found.append(best(of_each))
    return np.concatenate(found)


def _own(counts: sparse.csr_matrix, products: tuple[str, ...], *, new: bool) -> Lists:
    """What the customer bought most; of two alike the first by id. Nothing is new, and nothing fills up."""
    if new:
        return np.full((counts.shape[0], TOP), NONE, dtype=np.int64)
    by_id = np.empty(len(products))
    by_id[np.argsort(np.array(products))] = np.arange(len(products), 0, -1)
    scores = counts.tocoo()
    ranked = sparse.csr_matrix(
        (scores.data + by_id[scores.col] / (2.0 * len(products)), (scores.row, scores.col)),
        shape=counts.shape,
    )
    found = []
    for start in range(0, counts.shape[0], _BLOCK):
        block = ranked[start : start + _BLOCK].toarray()
        found.append(best(np.where(block > 0.0, block, -1.0)))
    return np.concatenate(found)


def best(scores: NDArray[np.float64], count: int = TOP) -> Lists:
    """The places of the highest scores in each row, best first; `NONE` for scores below 0."""
    count = min(count, scores.shape[1])
    first = np.argpartition(-scores, count - 1, axis=1)[:, :count] if count < scores.shape[1] else None
    if first is None:
        first = np.broadcast_to(np.arange(count), (len(scores), count))
    values = np.take_along_axis(scores, first, axis=1)
    order = np.lexsort((first, -values), axis=1)
    places = np.take_along_axis(first, order, axis=1)
    return np.where(np.take_along_axis(values, order, axis=1) < 0.0, NONE, places)


class _Implicit:
    """A model of `implicit`, fitted when first asked."""

    def __init__(self, name: str, counts: sparse.csr_matrix, customers: NDArray[np.int64]) -> None:
        self._name, self._counts, self._customers = name, counts, customers
        self._model: Any = None

    def __call__(self, new: bool) -> Lists:
        with threadpool_limits(1, "blas"):  # it has threads of its own, and warns of more
            if self._model is None:
                self._model = fitted(self._name, self._counts)
            # Asked for more than there are, it names one product several times.
            count = min(TOP, self._counts.shape[1])
            places, scores = self._model.recommend(
                self._customers, self._counts[self._customers], N=count, filter_already_liked_items=new
            )
        # Where it has nothing to say it fills the list with the lowest score there is.
        return np.where(scores > -1e30, places, NONE).astype(np.int64)


def fitted(name: str, counts: sparse.csr_matrix) -> Any:
    """A model of `implicit` by the name of the peer, fitted to `orders_by_pair`."""
    model = _model(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the layout of a matrix that it made itself
        model.fit(counts, show_progress=False)
    return model


def _model(name: str) -> Any:
    from implicit.cpu.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import BM25Recommender, CosineRecommender

    match name:
        case "item_knn":
            return CosineRecommender()
        case "bm25":
            return BM25Recommender()
        case _:
            return AlternatingLeastSquares(factors=FACTORS, random_state=SEED)
