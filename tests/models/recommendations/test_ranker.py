"""The ranker on planted logs: it finds what comes back, what never does, and what follows."""

from functools import cache

import numpy as np
import pytest

from models.recommendations import learned, ranker
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


def test_where_nothing_is_learned_and_nobody_buys_twice_what_is_new_comes_first():
    log = purchases(
        [("a", "milk", 0), ("a", "bread", 1), ("b", "bread", 1), ("b", "tea", 2), ("c", "tea", 3)]
    )
    found = ranker.train(log, BEGIN + 9 * DAY, 1, lambda _: None).lists(np.array([0, 1, 2]))
    assert [[log.products[place] for place in row if place != NONE] for row in found[False]] == [
        ["tea", "bread", "milk"],
        ["milk", "tea", "bread"],
        ["bread", "milk", "tea"],
    ]


def test_where_everybody_buys_all_there_is_nothing_is_learned_and_all_is_ranked():
    log = purchases([(f"c{who}", "only", day) for who in range(40) for day in range(0, 60, 9)])
    found = ranker.train(log, BEGIN + 60 * DAY, 10, lambda _: None)
    assert found.windows == 0
    assert (found.lists(np.arange(40))[False][:, 0] == 0).all()


@pytest.mark.parametrize(
    ("span", "days", "begins", "length"),
    [
        (90, 10, [80, 70, 60, 50, 40, 30, 20, 10], 10),
        (300, 10, [80, 70, 60, 50, 40, 30, 20, 10], 10),
        (80, 10, [45, 40, 35, 30, 25, 20, 15, 10], 10),
        (30, 10, [20, 15, 10], 10),
        (12, 10, [8, 6, 4], 4),
    ],
)
def test_windows_follow_each_other_or_overlap_by_half_where_few_fit(span, days, begins, length):
    assert ranker._begins(span, days) == (pytest.approx(begins), pytest.approx(length))


def test_few_customers_get_few_trees():
    assert [learned.rounds(customers) for customers in (1, 1_000, 2_000, 9_600)] == [50, 50, 100, 200]


def test_chances_are_probabilities_that_rank_as_the_list_does():
    found, _, customers = two_weeks_ahead(rebuyers)
    for best in found.best(customers, 20):
        assert ((best.chances > 0.0) & (best.chances < 1.0)).all()
        for chosen in best.chosen:
            chances = best.chances[chosen[chosen != NONE]]
            assert (np.diff(chances) <= 0.0).all()
