import numpy as np
import pytest

from ebbtide.errors import ModelError
from features.catalog import NAMES
from models.churn import FALLBACK_ROUNDS, MOST_ROUNDS, train
from models.evaluate import evaluate


def fit(frame, seed=7):
    return train(frame, NAMES, horizon=60, active=120, seed=seed)


def test_it_finds_the_leavers_and_its_probabilities_are_calibrated(trained, later):
    truth = 1 / (1 + np.exp(3.0 - later["overdue_ratio"].fillna(later["overdue_ratio"].mean())))
    churned = later["churned"].to_numpy()
    found, best = evaluate(churned, trained.predict(later)), evaluate(churned, truth.to_numpy())
    assert found["roc_auc"] > best["roc_auc"] - 0.05
    assert found["expected_calibration_error"] < 0.08
    assert found["lift_at_10"] > 1.5


def test_the_signals_that_matter_gain_most(trained):
    ranked = sorted(trained.importance, key=trained.importance.get, reverse=True)
    assert ranked[0] == "overdue_ratio"
    assert set(trained.importance) == set(NAMES)


def test_the_same_rows_and_seed_give_the_same_model(trained, frame):
    again = fit(frame)
    assert again.booster.model_to_string() == trained.booster.model_to_string()
    assert fit(frame, seed=8).booster.model_to_string() != trained.booster.model_to_string()


def test_the_rounds_come_from_the_latest_cut_off(trained):
    assert 1 <= trained.rounds < MOST_ROUNDS
    assert trained.booster.num_trees() == trained.rounds


def test_a_single_cut_off_trains_without_a_search_for_rounds(frame):
    assert fit(frame[frame["cutoff"] == frame["cutoff"].min()]).rounds == FALLBACK_ROUNDS


@pytest.mark.parametrize("rows", [0, 99])
def test_too_few_rows_are_refused_with_what_is_needed(frame, rows):
    with pytest.raises(ModelError, match=f"at least 100 rows .* found {rows} rows"):
        fit(frame.head(rows))


@pytest.mark.parametrize("churned", [True, False])
def test_labels_of_one_class_are_refused(frame, churned):
    with pytest.raises(ModelError, match="20 who churned and 20 who stayed"):
        fit(frame.assign(churned=churned))
