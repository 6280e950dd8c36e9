"""Candidates: who may be shown what, and the scores of what is new, on planted logs."""

from dataclasses import replace

import numpy as np
import pytest

from models.recommendations.affinity import NAMES as AFFINITIES
from models.recommendations.candidates import Candidates
from models.recommendations.purchases import DAY
from tests.models.shop_log import BEGIN, never_twice, pairs_bought_together, rebuyers

CUT = BEGIN + 100 * DAY


@pytest.fixture(scope="module")
def paired():
    log = pairs_bought_together()
    return log, Candidates(log, CUT, 5)


def column(candidates, rows, name):
    return rows.values[:, candidates.names.index(name)]


def test_new_are_those_never_bought_before_the_moment(paired):
    log, candidates = paired
    customers = np.arange(20)
    rows = candidates.rows(customers)
    keys = rows.customer * len(log.products) + rows.product
    assert (rows.new == ~np.isin(keys, log.before(CUT).pairs())).all()
    assert (np.isnan(column(candidates, rows, "count")) == rows.new).all()
    assert len(np.unique(keys)) == len(keys)


def test_each_value_has_a_name_of_its_own(paired):
    _, candidates = paired
    assert len(set(candidates.names)) == len(candidates.names)
    assert candidates.rows(np.arange(3)).values.shape[1] == len(candidates.names)


@pytest.mark.parametrize("source", ["ease", "neighbours", "alike"])
def test_a_source_scores_the_other_half_of_a_pair_above_the_rest(paired, source):
    log, candidates = paired
    customers = np.arange(len(log.customers))
    rows = candidates.rows(customers)
    scores, past = column(candidates, rows, source), log.before(CUT)
    half = np.array([name.startswith("right") for name in log.products])
    left = {name[4:]: place for place, name in enumerate(log.products) if name.startswith("left")}
    mate = np.array([left[name[5:]] if name.startswith("right") else -1 for name in log.products])
    asked = rows.new & half[rows.product]
    keys = rows.customer[asked] * len(log.products) + mate[rows.product[asked]]
    has_left = np.isin(keys, past.pairs())
    assert has_left.any()
    assert scores[asked][has_left].mean() > scores[asked][~has_left].mean()


def test_the_share_of_a_category_is_known_where_it_is_mapped():
    log = never_twice()
    kinds = log.kinds.copy()
    kinds[0] = [int(name[5]) for name in log.products]
    candidates = Candidates(replace(log, kinds=kinds), CUT, 14)
    rows = candidates.rows(np.arange(10))
    share = column(candidates, rows, "category_share")
    taste = np.array([int(log.customers[who][1:]) % 4 for who in rows.customer])
    assert share == pytest.approx((kinds[0][rows.product] == taste).astype(float))
    assert "brand_share" not in candidates.names


def test_what_is_scored_by_no_source_counts_as_nought():
    log = rebuyers(customers=20, days=110)
    rows_of = Candidates(log, CUT, 14)
    rows = rows_of.rows(np.arange(20))
    assert not np.isnan(np.column_stack([column(rows_of, rows, name) for name in AFFINITIES])).any()
