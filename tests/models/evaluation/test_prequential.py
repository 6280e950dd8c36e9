"""The correction over a whole log, in arrival order."""

import math
import random

import pytest

from models.evaluation.prequential import Prediction, prequential

DAY = 86_400.0


def log(shift, days=70, customers=40, seed=1):
    """Predictions a day apart, of customers whose log-odds of leaving are those said plus `shift`."""
    rng = random.Random(seed)
    for day in range(days):
        for n in range(customers):
            odds = rng.gauss(0.0, 1.5)
            stays = rng.random() > 1 / (1 + math.exp(-odds - shift))
            later = (day + rng.uniform(0.1, 10.0)) * DAY if stays else math.inf
            yield Prediction(f"{day}-{n}", day * DAY, 1 / (1 + math.exp(-odds)), ("fresh",), later)


def test_every_prediction_is_judged_once():
    rows = list(log(0.0))
    found = prequential(rows, 10)
    assert found["labels"] == len(rows)
    assert found["churned"] == sum(row.next_order == math.inf for row in rows)
    assert found["dropped"] == found["pending"] == 0


def test_a_planted_drift_is_corrected_and_its_absence_costs_nothing():
    drifted, steady = prequential(list(log(1.0)), 10), prequential(list(log(0.0)), 10)
    assert drifted["online_log_loss"] < drifted["batch_log_loss"] - 0.03
    assert steady["online_log_loss"] < steady["batch_log_loss"] + 1e-3


def test_within_one_horizon_no_label_is_due_so_nothing_is_corrected():
    found = prequential(list(log(1.0, days=10)), 10)
    assert found["online_log_loss"] == pytest.approx(found["batch_log_loss"], abs=1e-12)


def test_without_predictions_the_measures_are_zero():
    assert prequential([], 10)["online_log_loss"] == 0.0
