"""What is known of each product and of each customer of a shop at a moment, whoever asks for what."""

import numpy as np
from numpy.typing import NDArray

from models.recommendations.bought_before import Array, Orders, Repertoire
from models.recommendations.purchases import DAY, Purchases

RECENT = 28.0
"""Days that count as lately."""


def product_values(own: Repertoire, past: Purchases, cut: float, days: float) -> dict[str, Array]:
    """How each product sells, to whom, and how its buyers come back to it; by product.

    `days`: how far ahead one asks.
    """
    age, products = (cut - past.at) / DAY, len(past.products)

    def lines(weights: Array | NDArray[np.bool_]) -> Array:
        return np.bincount(past.product, weights=weights, minlength=products).astype(np.float64)

    def pairs(weights: Array | NDArray[np.bool_]) -> Array:
        return np.bincount(own.product, weights=weights, minlength=products).astype(np.float64)

    orders = len(np.unique(past.order[age < RECENT])) + 1.0
    buyers, repeats = pairs(np.ones(len(own.key))), pairs(own.count - 1)
    last, first = np.full(products, np.inf), np.zeros(products)
    np.minimum.at(last, past.product, age)
    np.maximum.at(first, past.product, age)
    week, month, two = (lines(age < span) for span in (RECENT / 4, RECENT, 2 * RECENT))
    new_buyers = pairs(own.first < RECENT)
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = pairs(np.where(own.count > 1, own.first - own.last, 0.0)) / repeats
    found = {
        "product_orders": np.log1p(lines(np.ones(len(past)))),
        "product_lately": month / orders,
        "product_week": week / orders,
        "product_growth_week": 4 * week / np.maximum(month, 1),
        "product_growth_month": 2 * month / np.maximum(two, 1),
        "product_first_days": first,
        "product_last_days": last,
        "product_buyers": buyers / len(past.customers),
        "product_new_buyers": new_buyers / orders,
        "product_new_buyers_week": pairs(own.first < RECENT / 4) / orders,
        "product_new_share": new_buyers / np.maximum(month, 1),
        "product_bought_again": pairs(own.count > 1) / np.maximum(buyers, 1),
        "product_repeats": repeats / np.maximum(buyers, 1),
        "product_gap_days": gap,
    }
    for half_life in (4.0, 20.0, 90.0):
        found[f"product_orders_{half_life:.0f}d"] = lines(0.5 ** (age / half_life)) / orders
    bought, expected, held = _returns(own, days)
    found["product_heat"] = (pairs(bought) + 0.5) / (pairs(expected) + 0.5)
    found["product_return_rate"] = pairs(bought) / np.maximum(pairs(held), 1.0)
    return found


def _returns(own: Repertoire, days: float) -> tuple[NDArray[np.bool_], Array, NDArray[np.bool_]]:
    """Who bought again in the last days, how likely that seemed before, and who could; by pair."""
    then = own.age >= days
    held = np.logical_or.reduceat(then, own.starts)
    # Decayed with a half-life of 60 days, a purchase stands for a rate: it integrates to 60 / ln 2.
    rate = np.add.reduceat(np.where(then, 0.5 ** ((own.age - days) / 60.0), 0.0), own.starts)
    return held & (own.last < days), held * np.minimum(rate * days * np.log(2.0) / 60.0, 1.0), held


def customer_values(own: Repertoire, orders: Orders, past: Purchases, days: float) -> dict[str, Array]:
    """How each customer shops; by customer."""
    people = len(past.customers)

    def pairs(weights: Array | NDArray[np.bool_]) -> Array:
        return np.bincount(own.customer, weights=weights, minlength=people).astype(np.float64)

    lines = np.maximum(np.bincount(past.customer, minlength=people), 1)
    count = np.maximum(orders.count, 1.0)
    lately = own.age < 60.0
    first = np.zeros(len(own.age), dtype=bool)
    first[own.starts] = True
    again = np.add.reduceat(lately & ~first, own.starts)
    bought, expected, _ = _returns(own, days)
    return {
        "customer_orders": orders.count,
        "customer_basket": lines / count,
        "customer_last_days": orders.last,
        "customer_first_days": orders.first,
        "customer_pace_days": orders.first / count,
        "customer_orders_30d": orders.faded(30.0),
        "customer_variety": pairs(np.ones(len(own.key))) / lines,
        "customer_again_60d": pairs(again) / np.maximum(pairs(np.add.reduceat(lately, own.starts)), 1.0),
        "customer_heat": (pairs(bought) + 1.0) / (pairs(expected) + 1.0),
    }
