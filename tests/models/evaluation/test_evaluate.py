import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ebbtide.errors import ModelError
from models.evaluation.evaluate import evaluate, expected_calibration_error, lift, reliability

CHURNED = np.array([True, True, False, True, False, False, False, False, False, False])
PROBABILITY = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05])


def test_the_measures_agree_with_those_worked_out_by_hand():
    found = evaluate(CHURNED, PROBABILITY)
    assert found["roc_auc"] == pytest.approx(
        20 / 21
    )  # 21 pairs, of which one (0.7 above 0.6) is in the wrong order
    assert found["average_precision"] == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert found["brier_score"] == pytest.approx(np.mean((PROBABILITY - CHURNED) ** 2))
    right = np.where(CHURNED, PROBABILITY, 1 - PROBABILITY)
    assert found["log_loss"] == pytest.approx(-np.mean(np.log(right)))
    assert found["lift_at_10"] == pytest.approx(1 / 0.3)


def test_calibration_error_is_the_weighted_distance_of_the_bins():
    # Two bins: said 0.7 and saw 0.6; said 0.21 and saw 0.
    assert expected_calibration_error(CHURNED, PROBABILITY, bins=2) == pytest.approx(0.5 * 0.1 + 0.5 * 0.21)


def test_saying_the_rate_to_everyone_is_calibrated_and_has_no_lift():
    same = np.full(10, 0.3)
    assert expected_calibration_error(CHURNED, same, bins=1) == pytest.approx(0.0)
    assert lift(CHURNED, same, 0.1) == pytest.approx(1.0)


@given(st.permutations(range(10)))
def test_the_order_of_the_rows_does_not_matter(order):
    order = np.array(order)
    tied = np.round(PROBABILITY * 4) / 4
    assert lift(CHURNED[order], tied[order], 0.3) == pytest.approx(lift(CHURNED, tied, 0.3))
    shuffled = evaluate(CHURNED[order], PROBABILITY[order])
    assert shuffled == pytest.approx(evaluate(CHURNED, PROBABILITY))


@given(arrays(float, st.integers(2, 60), elements=st.floats(0, 1)), st.integers(0, 2**32 - 1))
def test_every_customer_is_in_one_bin_and_the_error_is_a_share(probability, seed):
    churned = np.random.default_rng(seed).random(len(probability)) < probability
    assert sum(count for *_, count in reliability(churned, probability)) == len(probability)
    assert 0.0 <= expected_calibration_error(churned, probability) <= 1.0 + 1e-12


@pytest.mark.parametrize("churned", [[True, True], [False, False], []])
def test_labels_of_one_class_are_refused(churned):
    with pytest.raises(ModelError, match="of both classes"):
        evaluate(np.array(churned, bool), np.full(len(churned), 0.5))
