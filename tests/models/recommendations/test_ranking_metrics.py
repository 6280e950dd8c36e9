"""The figures of ranked lists, held against values worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from models.recommendations.ranking_metrics import NONE, TOP, figures

PRODUCTS = 30


def bought(*products_by_customer):
    return np.array(
        sorted(who * PRODUCTS + what for who, found in enumerate(products_by_customer) for what in found),
        dtype=np.int64,
    )


def judged(lists, *products_by_customer):
    rows = np.full((len(lists), TOP), NONE)
    for row, shown in zip(rows, lists, strict=True):
        row[: len(shown)] = shown
    return figures(rows, np.arange(len(lists)), bought(*products_by_customer), PRODUCTS)


def test_recall_is_hits_over_what_was_bought():
    assert judged([[1, 2, 3]], [1, 3, 9, 8]).recall == pytest.approx(2 / 4)


def test_recall_is_over_ten_where_more_was_bought():
    assert judged([list(range(10))], range(5, 20)).recall == pytest.approx(5 / 10)


def test_ndcg_is_the_discounted_gain_over_the_best_possible():
    found = judged([[7, 1, 2]], [1, 4])
    gain, best = 1 / np.log2(3), 1 / np.log2(2) + 1 / np.log2(3)
    assert found.ndcg == pytest.approx(gain / best)


def test_the_hit_rate_counts_customers_with_any_hit():
    assert judged([[1], [2]], [1], [9]).hit == pytest.approx(0.5)


def test_customers_who_bought_nothing_do_not_count():
    assert judged([[1], [2]], [1], []) == (1.0, 1.0, 1.0, 1)


def test_nobody_with_something_to_find_gives_no_figure():
    found = judged([[1]], [])
    assert found.customers == 0
    assert np.isnan(found.recall)


def test_an_empty_place_in_a_list_is_no_hit():
    assert judged([[]], [0, PRODUCTS - 1]).hit == 0.0


@given(st.permutations(range(TOP)), st.sets(st.integers(0, PRODUCTS - 1), min_size=1))
def test_ndcg_is_that_of_scikit_learn(shown, wanted):
    scores = np.zeros((1, PRODUCTS))
    scores[0, list(shown)] = np.arange(TOP, 0, -1)
    relevance = np.isin(np.arange(PRODUCTS), list(wanted))[None].astype(float)
    left = np.flatnonzero(scores[0] == 0.0)
    scores[0, left] = -1.0 - left
    assert judged([shown], wanted).ndcg == pytest.approx(ndcg_score(relevance, scores, k=TOP))
