"""The peers: probabilities from the columns that they name, and a reason where they cannot answer."""

import sys

import numpy as np
import pytest

from ebbtide.errors import ModelError
from features.catalog import NAMES
from models.evaluation.peers import PEERS, Past, bg_nbd, recency, rfm_logistic

READ = ("recency_days", "orders_total", "spend_total", "tenure_days", "gaps_total", "gap_mean_days")


def signals(seed, rows=400):
    """Customers with a steady rhythm of their own, some of whom have been silent for long."""
    rng = np.random.default_rng(seed)
    found = np.full((rows, len(NAMES)), np.nan)
    gap, orders = rng.uniform(3, 30, rows), rng.integers(1, 12, rows)
    silent = rng.exponential(25, rows)
    columns = (silent, orders, orders * 20.0, (orders - 1) * gap + silent, orders - 1, gap)
    for name, values in zip(READ, columns, strict=True):
        found[:, NAMES.index(name)] = values
    found[orders == 1, NAMES.index("gap_mean_days")] = np.nan
    return found, rng.random(rows) < 1 / (1 + np.exp(1.0 + 0.15 * orders - 0.06 * silent))


@pytest.fixture(scope="module")
def past():
    matrix, churned = signals(1)
    return Past(matrix, churned, matrix, 30)


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_gives_a_probability_for_each_customer_and_leaves_what_it_was_given_alone(name, past):
    asked, churned = signals(2)
    before = [array.copy() for array in (past.matrix, past.everyone, asked)]
    found = PEERS[name](past, asked)
    assert found.shape == (len(asked),)
    assert ((found > 0) & (found < 1)).all()
    assert abs(found.mean() - churned.mean()) < 0.1
    for array, copy in zip((past.matrix, past.everyone, asked), before, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_reads_no_other_signal_than_those_of_recency_frequency_and_money(name, past):
    asked, _ = signals(2)
    noisy = asked.copy()
    noisy[:, [NAMES.index(other) for other in NAMES if other not in READ]] = 7.0
    np.testing.assert_array_equal(PEERS[name](past, asked), PEERS[name](past, noisy))


def test_the_rule_on_recency_orders_by_recency_alone(past):
    asked, _ = signals(2)
    order = np.argsort(asked[:, NAMES.index("recency_days")])
    assert (np.diff(recency(past, asked)[order]) >= 0).all()


def test_money_and_frequency_count_by_their_names_not_their_places(past):
    asked = np.repeat(signals(2)[0][:1], 2, axis=0)
    asked[:, NAMES.index("orders_total")] = [1.0, 11.0]
    rare, often = rfm_logistic(past, asked)
    assert rare > often


def test_a_peer_that_is_not_installed_says_how_to_install_it(past, monkeypatch):
    monkeypatch.setitem(sys.modules, "lifetimes", None)
    with pytest.raises(ModelError, match=r"pip install .*peers"):
        bg_nbd(past, past.matrix)


def test_a_fit_that_does_not_converge_says_so_and_prints_nothing(past, capfd):
    nobody = np.full((1, len(NAMES)), np.nan)
    with pytest.raises(ModelError, match="did not converge"):
        bg_nbd(Past(past.matrix, past.churned, nobody, 30), past.matrix)
    assert capfd.readouterr().out == ""
