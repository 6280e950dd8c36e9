"""What speaks for buying again, against values worked out by hand."""

import numpy as np
import pytest

from models.recommendations.bought_before import Orders, Repertoire, pair_values
from models.recommendations.purchases import DAY
from tests.models.shop_log import BEGIN, purchases

LOG = purchases(
    [
        ("a", "milk", 0),
        ("a", "milk", 10),
        ("a", "milk", 14),
        ("a", "tea", 10),
        ("a", "jam", 18),
        ("b", "tea", 3),
    ]
)
CUT = BEGIN + 20 * DAY


def value(name, customer, product):
    own, orders = Repertoire(LOG, CUT), Orders(LOG, CUT)
    found = pair_values(own, orders, LOG, CUT)[name]
    key = LOG.customers.index(customer) * len(LOG.products) + LOG.products.index(product)
    return float(found[np.flatnonzero(own.key == key)[0]])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("count", 3),
        ("last_days", 6),
        ("first_days", 20),
        ("gap_days", 7),
        ("last_gap_days", 4),
        ("due", 6 / 7),
        ("due_last_gap", 6 / 4),
        ("orders_since_last", 1),
        ("orders_since_first", 3),
        ("share_since_first", 3 / 4),
        ("missed_days", 6 - 2),
        ("quantity", 0),
        ("count_60d", 0.5 ** (20 / 60) + 0.5 ** (10 / 60) + 0.5 ** (6 / 60)),
        ("count_fading_0.5", 0.5**3 + 0.5**2 + 0.5),
        ("share", 3 / 4),
        ("rank", 0),
    ],
)
def test_a_product_bought_three_times_in_four_orders(name, expected):
    assert value(name, "a", "milk") == pytest.approx(expected)


def test_what_was_bought_once_has_no_gap():
    assert np.isnan(value("gap_days", "b", "tea"))
    assert np.isnan(value("due", "b", "tea"))


def test_orders_are_counted_once_and_those_since_are_the_customers_own():
    orders = Orders(LOG, CUT)
    assert orders.count.tolist() == [4, 1]
    assert orders.last.tolist() == [2, 17]
    assert orders.first.tolist() == [20, 17]
    assert orders.since.tolist() == [3, 2, 1, 2, 0, 0]
