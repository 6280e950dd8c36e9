"""The peers on small logs, against what one sees by eye."""

import numpy as np
import pytest

from models.recommendations.purchases import DAY
from models.recommendations.ranking_metrics import NONE
from models.recommendations.recommend_peers import best, implicit_installed, orders_by_pair, peers
from tests.models.shop_log import BEGIN, pairs_bought_together, purchases

LINES = [
    ("a", "milk", 0),
    ("a", "milk", 40),
    ("a", "milk", 41),
    ("a", "bread", 41),
    ("b", "jam", 1),
    ("c", "jam", 2),
    ("b", "jam", 3),
    ("c", "jam", 4),
    ("b", "tea", 45),
]
CUT = BEGIN + 50 * DAY


def lists(name, *, new=False):
    log = purchases(LINES)
    found = peers(log, np.array([0, 1, 2]), CUT)[name](new)
    return [[log.products[place] for place in row if place != NONE] for row in found]


def test_popular_is_what_most_orders_hold():
    assert lists("popularity")[0][:2] == ["jam", "milk"]


def test_trending_counts_the_last_thirty_days():
    assert lists("trending")[2][0] == "milk"


def test_own_most_bought_is_by_orders_and_nothing_of_it_is_new():
    assert lists("own_most_bought") == [["milk", "bread"], ["jam", "tea"], ["jam"]]
    assert lists("own_most_bought", new=True) == [[], [], []]


def test_of_new_products_alone_none_was_had():
    assert lists("popularity", new=True) == [["jam", "tea"], ["milk", "bread"], ["milk", "bread", "tea"]]


def test_an_order_counts_once_for_each_product_in_it():
    log = purchases(LINES)
    counts = orders_by_pair(log).toarray()
    assert counts[log.customers.index("a"), log.products.index("milk")] == 3
    assert counts.sum() == len(LINES)


def test_the_best_are_ordered_and_what_is_below_nought_is_none():
    assert best(np.array([[0.5, -1.0, 2.0, 0.5]]), 4).tolist() == [[2, 0, 3, NONE]]
    assert best(np.array([[0.5, -1.0, 2.0, 0.7]]), 2).tolist() == [[2, 3]]


@pytest.mark.skipif(not implicit_installed(), reason="implicit is not installed")
@pytest.mark.parametrize("name", ["item_knn", "bm25", "als"])
def test_a_model_of_implicit_finds_products_new_to_the_customer(name):
    log = pairs_bought_together(customers=40)
    customers = np.arange(40)
    found = peers(log, customers, CUT)[name](True)
    keys = customers[:, None] * len(log.products) + found
    assert (found != NONE).any()
    assert not np.isin(keys[found != NONE], log.pairs()).any()


@pytest.mark.skipif(not implicit_installed(), reason="implicit is not installed")
@pytest.mark.parametrize("name", ["item_knn", "bm25", "als"])
@pytest.mark.parametrize("new", [False, True])
def test_a_model_of_implicit_names_each_product_once_even_where_there_are_few(name, new):
    log = purchases([(f"c{who}", f"p{(who + day) % 3}", day) for who in range(30) for day in (0, 40)])
    for row in peers(log, np.arange(30), CUT)[name](new):
        assert len(set(row[row != NONE])) == (row != NONE).sum()
