"""What speaks for buying again what one bought before: of each customer and product, as known at a moment."""

import numpy as np
from numpy.typing import NDArray

from models.recommendations.purchases import DAY, Purchases

Array = NDArray[np.float64]
Places = NDArray[np.int64]

HALF_LIVES = (7.0, 15.0, 30.0, 60.0, 120.0, 360.0)
"""Days after which a purchase counts half."""
FADING = (0.5, 0.8, 0.95)
"""What a purchase counts less with each order since."""


class Repertoire:
    """Every pair of a customer and a product bought, with its purchases in time order.

    Attributes:
        customer, product: of each pair, shape (pairs,).
        count: orders that held the product.
        last, first: days since it was bought last and first.
    """

    def __init__(self, past: Purchases, cut: float) -> None:
        key = past.customer.astype(np.int64) * len(past.products) + past.product
        self._order = np.lexsort((past.at, key))
        ordered = key[self._order]
        self.starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self.ends = np.r_[self.starts[1:], len(ordered)] - 1
        self.key = ordered[self.starts]
        self.customer, self.product = np.divmod(self.key, len(past.products))
        self.count = (self.ends - self.starts + 1).astype(np.float64)
        self.age = (cut - past.at[self._order]) / DAY
        self.first, self.last = self.age[self.starts], self.age[self.ends]

    def sum(self, per_purchase: Array) -> Array:
        """Sum what is given for each row of the log, by pair."""
        return np.asarray(np.add.reduceat(per_purchase[self._order], self.starts), dtype=np.float64)

    def at(self, per_purchase: Array, places: Places) -> Array:
        """What is given for each row of the log, at a place in time order, such as `ends`."""
        return np.asarray(per_purchase[self._order[places]], dtype=np.float64)


class Orders:
    """Each order of a log once: whose, how long ago, and how many the customer made since.

    Attributes:
        customer, age: of each order, shape (orders,); age in days.
        since: for each row of the log, orders of that customer after it.
        count, last, first: by customer: orders, and days since the last and the first one.
    """

    def __init__(self, past: Purchases, cut: float) -> None:
        numbers, rows, inverse = np.unique(past.order, return_index=True, return_inverse=True)
        customer, age = past.customer[rows].astype(np.int64), (cut - past.at[rows]) / DAY
        order = np.lexsort((numbers, -age, customer))
        people = len(past.customers)
        self.count = np.bincount(customer, minlength=people).astype(np.float64)
        ends = np.cumsum(self.count.astype(np.int64))
        since = np.empty(len(order), dtype=np.int64)
        since[order] = ends[customer[order]] - 1 - np.arange(len(order))
        self.customer, self.age, self.since = customer, age, since[inverse].astype(np.float64)
        self.last, self.first = np.full(people, np.inf), np.zeros(people)
        np.minimum.at(self.last, customer, age)
        np.maximum.at(self.first, customer, age)

    def faded(self, half_life: float) -> Array:
        """Orders of each customer, decayed."""
        weights = 0.5 ** (self.age / half_life)
        return np.bincount(self.customer, weights=weights, minlength=len(self.count)).astype(np.float64)


def pair_values(own: Repertoire, orders: Orders, past: Purchases, cut: float) -> dict[str, Array]:
    """What speaks for buying each product again, by pair; `rank` orders a customer's by a plain rule."""
    age = (cut - past.at) / DAY
    faded = {half_life: own.sum(0.5 ** (age / half_life)) for half_life in HALF_LIVES}
    found = _habit(own, orders, past) | _weights(own, orders, faded)
    plain = faded[60.0] + 0.3 * faded[360.0]
    return found | {"rank": _ranks(own.customer, -plain, len(past.customers))}


def _ranks(customer: Places, by: Array, people: int) -> Array:
    """The place of each row among those of its customer, from 0, lowest first."""
    order = np.lexsort((by, customer))
    begin = np.searchsorted(customer, np.arange(people))
    found = np.empty(len(customer))
    found[order] = np.arange(len(customer)) - begin[customer[order]]
    return found


def _habit(own: Repertoire, orders: Orders, past: Purchases) -> dict[str, Array]:
    """How often and how regularly the customer buys the product, in days and in orders."""
    again = own.count > 1
    gap = np.where(again, (own.first - own.last) / np.maximum(own.count - 1, 1), np.nan)
    last_gap = np.where(again, own.age[np.maximum(own.ends - 1, 0)] - own.last, np.nan)
    since_last, since_first = own.at(orders.since, own.ends), own.at(orders.since, own.starts)
    return {
        "count": own.count,
        "last_days": own.last,
        "first_days": own.first,
        "gap_days": gap,
        "last_gap_days": last_gap,
        "due": own.last / np.maximum(gap, 1.0),
        "due_last_gap": own.last / np.maximum(last_gap, 1.0),
        "orders_since_last": since_last,
        "orders_since_first": since_first,
        "share_since_first": own.count / (since_first + 1.0),
        "due_orders": since_last * own.count / (since_first + 1.0),
        "missed_days": own.last - orders.last[own.customer],
        "quantity": np.log(own.sum(np.maximum(past.quantity, 1.0)) / own.count),
    }


def _weights(own: Repertoire, orders: Orders, faded: dict[float, Array]) -> dict[str, Array]:
    """How much the customer bought the product: decayed by days, by orders, and as a share of the orders."""
    found = {f"count_{half_life:.0f}d": values for half_life, values in faded.items()}
    for share in FADING:
        found[f"count_fading_{share}"] = own.sum(share**orders.since)
    found["share"] = own.count / orders.count[own.customer]
    for half_life in (15.0, 60.0, 360.0):
        all_orders = orders.faded(half_life)[own.customer]
        found[f"share_{half_life:.0f}d"] = faded[half_life] / np.maximum(all_orders, 1e-6)
    return found
