"""The linear partner: what it can learn, how much old rows count, and that it says what its document says."""

import numpy as np
import pytest

from models.inputs import Inputs, scale_of
from models.linear import HALF_LIFE, fit, log_odds

RNG = np.random.default_rng(5)
MATRIX = np.expm1(RNG.normal(2.0, 0.5, (4_000, 3)))
TODAY = np.zeros(len(MATRIX))


def labels(odds):
    return (np.random.default_rng(6).random(len(odds)) < 1 / (1 + np.exp(-odds))).astype(float)


def scaled(column):
    return Inputs(scale_of(MATRIX))(MATRIX)[:, column]


def correlation(crossed, truth):
    inputs = Inputs(scale_of(MATRIX), crossed)
    partner = fit(inputs, MATRIX, labels(truth), TODAY, 0.01)
    return np.corrcoef(log_odds(inputs, MATRIX, partner), truth)[0, 1]


def test_what_depends_on_two_signals_together_is_learned_from_their_product():
    truth = 2.0 * scaled(0) * scaled(1)
    assert correlation((0, 1), truth) > 0.9
    assert correlation((), truth) < 0.3


def test_old_rows_count_less():
    truth = 2.0 * scaled(0)
    inputs = Inputs(scale_of(MATRIX))
    matrix, answers = np.vstack([MATRIX, MATRIX]), np.concatenate([labels(truth), labels(-truth)])
    for ages, sign in (((0.0, 4 * HALF_LIFE), 1.0), ((4 * HALF_LIFE, 0.0), -1.0)):
        days = -np.repeat(ages, len(MATRIX))
        partner = fit(inputs, matrix, answers, days, 0.01)
        assert sign * partner.weights[0] > 0.1


def test_the_level_is_that_of_all_rows_alike():
    inputs = Inputs(scale_of(MATRIX))
    matrix, days = np.vstack([MATRIX, MATRIX]), np.repeat([-4.0 * HALF_LIFE, 0.0], len(MATRIX))
    answers = np.concatenate([labels(scaled(0) - 2.0), labels(scaled(0) + 1.0)])
    said = 1 / (1 + np.exp(-log_odds(inputs, matrix, fit(inputs, matrix, answers, days, 0.01))))
    assert said.mean() == pytest.approx(answers.mean(), abs=1e-4)


def test_a_signal_that_is_always_the_same_has_no_weight():
    matrix = MATRIX.copy()
    matrix[:, 1] = 7.0
    inputs = Inputs(scale_of(matrix), (0, 1))
    partner = fit(inputs, matrix, labels(scaled(0)), TODAY, 0.01)
    assert (partner.weights[1], partner.missing, partner.products[1:]) == (0.0, (0.0,) * 3, (0.0,) * 2)
    assert log_odds(inputs, matrix, partner) == pytest.approx(scaled(0), abs=1.0)
