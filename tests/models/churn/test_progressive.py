"""Running measures, against scikit-learn's over the same labels."""

import json

import numpy as np
import pytest
from sklearn import metrics

from models.churn.progressive import Progressive


@pytest.fixture
def judged():
    rng = np.random.default_rng(4)
    probability = rng.random(500)
    return rng.random(500) < probability, probability


def test_the_measures_are_those_of_scikit_learn(judged):
    kept = Progressive()
    for churned, probability in zip(*judged, strict=True):
        kept.update(bool(churned), float(probability))
    found = kept.values()
    assert found["log_loss"] == pytest.approx(metrics.log_loss(*judged))
    assert found["brier_score"] == pytest.approx(metrics.brier_score_loss(*judged))
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(*judged), abs=0.005)
    assert (kept.labels, kept.churned) == (500, judged[0].sum())


def test_it_goes_on_from_what_was_saved(judged):
    whole, half = Progressive(), Progressive()
    for place, (churned, probability) in enumerate(zip(*judged, strict=True)):
        whole.update(bool(churned), float(probability))
        if place == 250:
            half = Progressive.from_dict(json.loads(json.dumps(half.to_dict())))
        half.update(bool(churned), float(probability))
    assert half.values() == pytest.approx(whole.values())


def test_before_the_first_label_the_measures_are_zero():
    assert set(Progressive().values().values()) == {0.0}
