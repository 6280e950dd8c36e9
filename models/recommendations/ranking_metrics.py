"""How good ranked lists are: recall, NDCG and hit rate of the first ten, averaged over customers."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TOP = 10
"""Products recommended."""
NONE = -1
"""Stands in a list where nothing is recommended."""

Lists = NDArray[np.int64]


class Figures(NamedTuple):
    """Means over the customers with something to find; each from 0 to 1, NaN if there is nobody."""

    recall: float
    ndcg: float
    hit: float
    customers: int


def figures(lists: Lists, customers: NDArray[np.int64], bought: NDArray[np.int64], products: int) -> Figures:
    """Judge each customer's list by what was bought.

    Recall is hits over min(10, products bought). NDCG has relevance 1 for what was bought and the discount
    1 / log2(rank + 1), over that of the best list possible (Järvelin and Kekäläinen 2002, "Cumulated
    gain-based evaluation of IR techniques"). Customers who bought nothing do not count.

    Args:
        lists: places of products, best first, shape (customers, any); `NONE` is never a hit.
        customers: the customer of each list, shape (customers,), ascending.
        bought: pairs as `customer * products + product`, ascending, each once.
        products: how many there are.
    """
    owed = np.searchsorted(bought, (customers + 1) * products) - np.searchsorted(bought, customers * products)
    asked, most = owed > 0, np.minimum(owed, TOP)
    shown = lists[asked, :TOP]
    keys = customers[asked, None] * products + shown
    hits = np.isin(keys, bought) & (shown != NONE)
    if not len(hits):
        return Figures(float("nan"), float("nan"), float("nan"), 0)
    discount = 1.0 / np.log2(np.arange(2, TOP + 2))
    best = np.cumsum(discount)[most[asked] - 1]
    return Figures(
        recall=float((hits.sum(axis=1) / most[asked]).mean()),
        ndcg=float(((hits * discount[: hits.shape[1]]).sum(axis=1) / best).mean()),
        hit=float(hits.any(axis=1).mean()),
        customers=int(asked.sum()),
    )
