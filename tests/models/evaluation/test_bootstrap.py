"""Intervals: the metrics of evaluate, over whole customers drawn with replacement, paired between models."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebbtide.errors import ModelError
from models.evaluation.bootstrap import METRICS, intervals, paired_gain
from models.evaluation.evaluate import evaluate


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 19)), min_size=2, max_size=60).filter(
        lambda rows: len({left for left, _ in rows}) == 2
    )
)
def test_on_rows_in_order_every_metric_is_that_of_evaluate(rows):
    churned = np.array([left for left, _ in rows])
    probability = np.array([twentieths / 20 for _, twentieths in rows])
    order = np.argsort(probability, kind="stable")
    expected = evaluate(churned, probability)
    found = {
        name: measure(churned[order].astype(float), probability[order]) for name, measure in METRICS.items()
    }
    assert found == pytest.approx(expected)
    assert list(found) == list(expected)


def _rows(seed: int = 3, customers: int = 60, each: int = 3):
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(customers), each)
    risk = np.repeat(rng.normal(size=customers), each)
    churned = rng.random(len(groups)) < 1 / (1 + np.exp(-risk))
    good = 1 / (1 + np.exp(-risk - 0.3 * rng.normal(size=len(groups))))
    poor = 1 / (1 + np.exp(-0.2 * risk - rng.normal(size=len(groups))))
    return churned, good, poor, groups


def _brute_force_draws(groups, samples, seed):
    """Each draw as the places of its rows, gathered customer by customer."""
    rng = np.random.default_rng(seed)
    ids = np.unique(groups)
    for _ in range(samples):
        drawn = ids[rng.integers(len(ids), size=len(ids))]
        yield np.sort(np.concatenate([np.flatnonzero(groups == who) for who in drawn]))


def test_intervals_equal_those_of_customers_drawn_one_by_one():
    churned, good, _, groups = _rows()
    found = intervals(churned, good, groups, samples=40, seed=11)
    drawn = [evaluate(churned[at], good[at]) for at in _brute_force_draws(groups, 40, 11)]
    for name, ends in found.items():
        assert ends == pytest.approx(tuple(np.quantile([each[name] for each in drawn], [0.025, 0.975])))


@pytest.mark.parametrize("metric", METRICS)
def test_a_paired_gain_compares_both_models_on_the_same_draw(metric):
    churned, good, poor, groups = _rows()
    sign = 1 if metric in ("roc_auc", "average_precision", "lift_at_10") else -1
    found = paired_gain(churned, good, poor, groups, metric, samples=40, seed=11)

    def gain(at):
        return sign * (evaluate(churned[at], good[at])[metric] - evaluate(churned[at], poor[at])[metric])

    drawn = [gain(at) for at in _brute_force_draws(groups, 40, 11)]
    expected = (gain(np.arange(len(churned))), *np.quantile(drawn, [0.025, 0.975]))
    assert tuple(found) == pytest.approx(expected)


def test_repeated_rows_of_the_same_customers_do_not_make_an_interval_narrower():
    churned, good, _, groups = _rows(each=1)
    once = intervals(churned, good, groups, ["brier_score"])["brier_score"]
    tenfold = intervals(np.repeat(churned, 10), np.repeat(good, 10), np.repeat(groups, 10), ["brier_score"])
    assert tenfold["brier_score"] == pytest.approx(once)


def test_labels_of_one_class_are_an_error_that_says_so():
    with pytest.raises(ModelError, match="who churned and customers who stayed"):
        intervals(np.ones(5, dtype=bool), np.full(5, 0.5), np.arange(5))
