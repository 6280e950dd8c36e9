"""The ranker on planted logs: it finds what comes back, what never does, and what follows."""

from functools import cache

import numpy as np
import pytest

from models.recommendations import ranker
from models.recommendations.purchases import DAY
from models.recommendations.ranking_metrics import NONE, TOP
from tests.models.shop_log import BEGIN, never_twice, pairs_bought_together, purchases, rebuyers

DAYS = 14


@cache
def two_weeks_ahead(planted):
    return trained(planted())


def trained(log, cut=None, days=DAYS):
    cut = float(log.at.max()) - days * DAY if cut is None else cut
    past = log.before(cut)
    return ranker.train(past, cut, days, lambda _: None), past, np.unique(past.customer).astype(np.int64)


def test_what_one_buys_each_week_comes_first():
    found, past, customers = two_weeks_ahead(rebuyers)
    first = found.lists(customers)[False][:, 0]
    own = [f"own{int(past.customers[who][1:]) % 20}" for who in customers]
    assert np.mean([past.products[what] == mine for what, mine in zip(first, own, strict=True)]) > 0.9


def test_where_nobody_buys_twice_nothing_bought_before_is_recommended():
    found, past, customers = two_weeks_ahead(never_twice)
    had = past.pairs()
    lists = found.lists(customers)
    keys = customers[:, None] * len(past.products) + lists[False]
    assert np.isin(keys[lists[False] != NONE], had).mean() < 0.02


def test_a_taste_is_found_among_what_is_new():
    found, past, customers = two_weeks_ahead(never_twice)
    new = found.lists(customers)[True]
    right = [
        past.products[what].startswith(f"taste{int(past.customers[who][1:]) % 4}-")
        for who, row in zip(customers, new, strict=True)
        for what in row[:3]
        if what != NONE
    ]
    assert np.mean(right) > 0.9


@pytest.mark.slow
def test_the_other_half_of_a_pair_is_recommended_to_who_has_the_first():
    log = pairs_bought_together()
    cut = BEGIN + 100 * DAY
    found, past, customers = trained(log, cut, days=5)
    new = found.lists(customers)[True]
    hits = []
    for who, row in zip(customers, new, strict=True):
        rows = past.customer == who
        latest = past.products[past.product[rows][np.argmax(past.at[rows])]]
        if latest.startswith("left"):
            hits.append(f"right{latest[4:]}" in [past.products[what] for what in row if what != NONE])
    assert len(hits) > 20
    assert np.mean(hits) > 0.8


@pytest.mark.parametrize("planted", [rebuyers, never_twice])
def test_a_list_names_each_product_once_and_new_ones_were_never_had(planted):
    found, past, customers = two_weeks_ahead(planted)
    lists = found.lists(customers)
    assert lists[False].shape == (len(customers), TOP)
    for row in np.concatenate([lists[False], lists[True]]):
        shown = row[row != NONE]
        assert len(set(shown)) == len(shown)
    keys = customers[:, None] * len(past.products) + lists[True]
    assert not np.isin(keys[lists[True] != NONE], past.pairs()).any()


@pytest.mark.slow
def test_what_comes_after_the_moment_changes_nothing():
    log = rebuyers()
    cut = BEGIN + 90 * DAY
    longer, _, customers = trained(log, cut)
    shorter = ranker.train(log.part(log.at < cut), cut, DAYS, lambda _: None)
    assert (longer.lists(customers)[False] == shorter.lists(customers)[False]).all()


def test_a_log_too_small_to_learn_from_is_ranked_by_what_was_bought_lately():
    log = purchases([("a", "milk", 0), ("a", "milk", 8), ("a", "bread", 1), ("b", "tea", 2)])
    cut = BEGIN + 9 * DAY
    found = ranker.train(log, cut, 1, lambda _: None)
    best = found.lists(np.array([0, 1]))[False]
    assert [log.products[row[0]] for row in best] == ["milk", "tea"]
