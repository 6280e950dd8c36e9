"""Which products may be recommended to a customer at a moment, with what is known of each: rows to rank."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.recommendations import shop_signals
from models.recommendations.affinity import NAMES as AFFINITIES
from models.recommendations.affinity import Affinity, Matrix
from models.recommendations.bought_before import Array, Orders, Places, Repertoire, pair_values
from models.recommendations.purchases import DAY, Purchases

OWN = 100
"""Products that the customer bought before, at most: those bought most, lately rather than long ago."""
EACH = 80
"""Products new to the customer, from each source."""
KINDS = ("category", "brand")


class Rows(NamedTuple):
    """Products that may be recommended; by customer, then by product.

    `customer`, `product`: places, shape (rows,). `new`: whether the customer never had it. `values`: shape
    (rows, features), NaN where there is nothing to know.
    """

    customer: Places
    product: Places
    new: NDArray[np.bool_]
    values: Matrix


class Candidates:
    """All that is known of a log before a moment.

    Args:
        log: purchases; only those before the cut are looked at.
        cut: the moment, Unix seconds.
        days: how far ahead one asks.

    Attributes:
        names: of the values in a row.
        trend: orders of each product, decayed with a half-life of 20 days.
        again: of what customers bought after their first order, the share that they had before.
        affinity: what customers alike buy, and what goes together.
    """

    def __init__(self, log: Purchases, cut: float, days: float) -> None:
        past = log.before(cut)
        self._own, orders = Repertoire(past, cut), Orders(past, cut)
        self._products, self._kinds = len(past.products), past.kinds
        pairs = pair_values(self._own, orders, past, cut)
        self._rank = pairs["rank"]
        products = shop_signals.product_values(self._own, past, cut, days)
        customers = shop_signals.customer_values(self._own, orders, past, days)
        self._pairs, self._of_product, self._of_customer = map(_table, (pairs, products, customers))
        self._gap = products["product_gap_days"].astype(np.float32)
        self.trend = products["product_orders_20d"]
        fresh = 0.5 ** (self._own.first / 10.0)
        first_buyers = np.bincount(self._own.product, weights=fresh, minlength=self._products)
        self.again = _again(past, self._own)
        self.affinity = Affinity(past, self._own, cut)
        self._popular = [each[self.affinity.live] for each in (self.trend, first_buyers)]
        age = (cut - past.at) / DAY
        mapped = {name: kind for name, kind in zip(KINDS, past.kinds, strict=True) if (kind >= 0).any()}
        self._tastes = [_Taste(past, kind, age) for kind in mapped.values()]
        tastes = (f"{name}_share" for name in mapped)
        self.names = (*pairs, "due_product", *products, *customers, *AFFINITIES, *tastes)

    def rows(self, customers: Places) -> Rows:
        """The rows of some hundred customers, ascending."""
        scores = self.affinity.scores(customers)
        begin, end = (np.searchsorted(self._own.customer, customers, side) for side in ("left", "right"))
        pair = np.concatenate([np.arange(*each) for each in zip(begin, end, strict=True)])
        had = np.zeros((len(customers), len(self.affinity.live)), dtype=bool)
        at = self.affinity.position[self._own.product[pair]]
        had[np.searchsorted(customers, self._own.customer[pair][at >= 0]), at[at >= 0]] = True
        pair = pair[self._rank[pair] < OWN]
        who, what = np.nonzero(self._offered(scores, had))
        customer = np.r_[self._own.customer[pair], customers[who]]
        product = np.r_[self._own.product[pair], self.affinity.live[what]]
        pair = np.r_[pair, np.full(len(who), -1)]
        order = np.lexsort((product, customer))
        customer, product, pair = customer[order], product[order], pair[order]
        row: Places = np.asarray(np.searchsorted(customers, customer), dtype=np.int64)
        values = self._values(customer, product, pair, row, scores)
        return Rows(customer, product, pair < 0, values)

    def _offered(self, scores: dict[str, Matrix], had: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The best of each source that the customer never had."""
        chosen = np.zeros(had.shape, dtype=bool)
        count = min(EACH, had.shape[1])
        for source in (*scores.values(), *self._popular):
            left = np.where(had, -1.0, source)
            np.put_along_axis(chosen, np.argpartition(-left, count - 1, axis=1)[:, :count], True, axis=1)
        return chosen & ~had

    def _values(
        self, customer: Places, product: Places, pair: Places, row: Places, scores: dict[str, Matrix]
    ) -> Matrix:
        own = np.where(pair[:, None] >= 0, self._pairs[pair], np.nan)
        last = np.where(pair >= 0, self._own.last[pair], np.nan)
        at = self.affinity.position[product]
        near = [np.where(at >= 0, each[row, at], 0.0) for each in scores.values()]
        return np.column_stack(
            [
                own,
                last / np.maximum(self._gap[product], 1.0),
                self._of_product[product],
                self._of_customer[customer],
                *near,
                *(taste.share(customer, product) for taste in self._tastes),
            ]
        ).astype(np.float32)


def _again(past: Purchases, own: Repertoire) -> float:
    first = np.full(len(past.customers), np.inf)
    np.minimum.at(first, past.customer, past.at)
    later = int((past.at > first[past.customer]).sum())
    return min((len(past) - len(own.key)) / max(later, 1), 1.0)


def _table(columns: dict[str, Array]) -> Matrix:
    return np.column_stack([each.astype(np.float32) for each in columns.values()])


class _Taste:
    """The share of a customer's purchases that was of a product's category or brand, decayed."""

    def __init__(self, past: Purchases, kind: NDArray[np.int32], age: Array) -> None:
        self._kind, kinds = kind.astype(np.int64), int(kind.max()) + 1
        known = kind[past.product] >= 0
        weights = (0.5 ** (age / 90.0))[known]
        key = past.customer[known].astype(np.int64) * kinds + self._kind[past.product[known]]
        self._keys, inverse = np.unique(key, return_inverse=True)
        self._weights, self._kinds = np.bincount(inverse, weights=weights), kinds
        self._total = np.bincount(past.customer[known], weights=weights, minlength=len(past.customers))

    def share(self, customer: Places, product: Places) -> Array:
        """By row; NaN where the product's kind is not known."""
        kind = self._kind[product]
        key = customer * self._kinds + kind
        at = np.minimum(np.searchsorted(self._keys, key), len(self._keys) - 1)
        found = np.where(self._keys[at] == key, self._weights[at], 0.0)
        return np.where(kind >= 0, found / np.maximum(self._total[customer], 1e-9), np.nan)
