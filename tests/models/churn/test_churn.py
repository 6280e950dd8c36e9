import math

import msgspec
import numpy as np
import pytest

from ebbtide.errors import ModelError
from features.catalog import NAMES, VERSION
from models.churn.churn import FALLBACK_ROUNDS, MOST_ROUNDS, Plan, label, train
from models.churn.curve import ChurnCurve
from models.evaluation.evaluate import evaluate
from tests.models.conftest import HORIZON, PLAN, SHORTER, population


def fit(frame, **changes):
    plan = Plan(**{"main": HORIZON, "active": 120, "horizons": ()} | changes)
    return train(frame, NAMES, VERSION, plan)


def test_it_finds_the_leavers_and_its_probabilities_are_calibrated(trained):
    later = population(seed=2, customers=4_000, cutoffs=1)  # enough for chance to add little to the error
    truth = 1 / (1 + np.exp(3.0 - later["overdue_ratio"].fillna(later["overdue_ratio"].mean())))
    churned = later[label(HORIZON)].to_numpy() == 1.0
    found, best = evaluate(churned, trained.predict(later)), evaluate(churned, truth.to_numpy())
    assert found["roc_auc"] > best["roc_auc"] - 0.05
    assert found["expected_calibration_error"] < 0.05
    assert found["lift_at_10"] > 1.5


def test_the_signals_that_matter_gain_most(trained):
    ranked = sorted(trained.importance, key=trained.importance.get, reverse=True)
    assert ranked[0] == "overdue_ratio"
    assert set(trained.importance) == set(NAMES)


def test_the_same_rows_and_seed_give_the_same_model(frame):
    one, again, other = fit(frame), fit(frame), fit(frame, seed=8)
    assert one.artefact == again.artefact
    assert one.artefact != other.artefact


def test_rounds_strength_and_shares_come_from_the_latest_cut_offs(trained):
    assert set(trained.chosen) == set(trained.artefact.days) == {SHORTER, HORIZON}
    for choice in trained.chosen.values():
        assert 1 <= choice.rounds <= MOST_ROUNDS
        assert choice.trees_share + choice.linear_share > 0.3


def test_a_single_cut_off_trains_without_a_search_for_rounds(frame):
    alone = frame[frame["cutoff"] == frame["cutoff"].min()]
    assert fit(alone).chosen[HORIZON].rounds == FALLBACK_ROUNDS


def test_the_longer_the_horizon_the_less_likely_is_silence(trained, later):
    assert (trained.predict(later, SHORTER) >= trained.predict(later)).all()


def test_the_example_of_the_document_is_scored_as_expected(trained):
    vector = [math.nan if value is None else value for value in trained.artefact.example]
    assert tuple(ChurnCurve(trained.artefact).predict_one(vector)) == trained.artefact.expected


def test_parameters_given_go_over_the_defaults(frame):
    assert fit(frame, params={"num_leaves": 4}).params["num_leaves"] == 4


def test_a_horizon_whose_labels_are_not_known_yet_is_left_out(frame):
    unknown = frame.assign(**{label(90): np.nan})
    assert fit(unknown, horizons=(90,)).artefact.days == (HORIZON,)


@pytest.mark.parametrize("rows", [0, 99])
def test_too_few_rows_are_refused_with_what_is_needed(frame, rows):
    with pytest.raises(ModelError, match=f"at least 100 rows .* found {rows} rows"):
        fit(frame.head(rows))


@pytest.mark.parametrize("churned", [1.0, 0.0])
def test_labels_of_one_class_are_refused(frame, churned):
    with pytest.raises(ModelError, match="20 who churned and 20 who stayed"):
        fit(frame.assign(**{label(HORIZON): churned}))


def test_a_document_of_another_width_is_refused(trained):
    cut = msgspec.structs.replace(trained.artefact, names=trained.artefact.names[:-1])
    with pytest.raises(ModelError, match="expected"):
        ChurnCurve(cut)


def test_training_leaves_its_rows_as_they_were(frame):
    before = frame.copy()
    fit(frame)
    assert frame.equals(before)
    assert PLAN.days == (SHORTER, HORIZON)


def test_a_model_knows_the_share_that_left_of_those_it_learned_from(trained, frame):
    assert trained.artefact.base_rate == pytest.approx(frame[label(HORIZON)].mean())
