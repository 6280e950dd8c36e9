"""The linear partner: columns that are the same change nothing but the time that it takes."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from models.churn import linear
from models.churn.inputs import Inputs

STRENGTH = 0.01


def test_signals_that_are_missing_together_get_the_weights_that_each_would_get_alone():
    rng = np.random.default_rng(7)
    signals = rng.lognormal(size=(800, 6))
    signals[rng.random(800) < 0.4, :3] = np.nan
    labels = (rng.random(800) < np.where(np.isnan(signals[:, 0]), 0.7, 0.3)).astype(float)
    scale, data = linear.design(signals)
    rows = np.arange(len(signals))
    found = linear.fit(data, rows, labels, STRENGTH)
    inputs = np.hstack(Inputs(scale)(signals))
    plain = LogisticRegression(C=STRENGTH, solver="newton-cholesky", tol=1e-8).fit(inputs, labels)
    assert [*found.weights, *found.missing] == pytest.approx(plain.coef_[0].tolist(), abs=1e-4)
    assert found.bias == pytest.approx(plain.intercept_[0], abs=1e-4)
    expected = inputs @ plain.coef_[0] + plain.intercept_[0]
    assert linear.odds(data, rows, found) == pytest.approx(expected, abs=1e-3)


def test_a_sample_that_knows_one_class_only_does_no_harm():
    rng = np.random.default_rng(7)
    signals = rng.lognormal(size=(800, 3))
    labels = (signals[:, 0] > 1.0).astype(float)
    labels[:: linear.SAMPLE] = 0.0
    _, data = linear.design(signals)
    found = linear.fit(data, np.arange(800), labels, STRENGTH)
    plain = LogisticRegression(C=STRENGTH, solver="newton-cholesky", tol=1e-8).fit(data.inputs, labels)
    assert found.weights == pytest.approx(plain.coef_[0].tolist(), abs=1e-4)
    assert found.missing == (0.0, 0.0, 0.0)
