"""The correction of the champion's probability, by labels that come due."""

import json
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebbtide.errors import ModelError
from models.churn.online import DAY, OnlineChurn, segments

HORIZON = 10


def fresh(**changes):
    return OnlineChurn(horizon=HORIZON, **changes)


def test_before_any_label_it_says_what_the_batch_model_says():
    for probability in (0.01, 0.3, 0.5, 0.97):
        assert fresh().predict(probability, ("late",)) == pytest.approx(probability)


def test_a_label_is_not_learned_before_its_horizon_has_passed():
    model = fresh()
    model.remember("a", 0.0, 0.5)
    assert model.advance(HORIZON * DAY) == 0
    assert model.advance(HORIZON * DAY + 1) == 1


def test_an_early_order_does_not_make_the_label_due_sooner():
    model = fresh()
    model.remember("a", 0.0, 0.5)
    model.order("a", 1 * DAY)
    assert model.advance(2 * DAY) == 0
    assert model.metrics()["labels"] == 0
    model.advance(11 * DAY)
    assert model.metrics()["churned"] == 0


@pytest.mark.parametrize(("at", "churned"), [(0.0, 1), (1.0, 0), (10 * DAY, 0), (10 * DAY + 1, 1)])
def test_only_an_order_after_the_prediction_and_within_the_horizon_counts(at, churned):
    model = fresh()
    model.remember("a", 0.0, 0.5)
    model.order("a", at)
    model.advance(20 * DAY)
    assert model.metrics()["churned"] == churned


def test_a_customer_is_remembered_once_in_seven_days():
    model = fresh()
    kept = [model.remember("a", day * DAY, 0.5) for day in range(15)]
    assert [day for day, taken in enumerate(kept) if taken] == [0, 7, 14]


def test_beyond_capacity_the_oldest_prediction_is_dropped_and_counted():
    model = fresh(capacity=3)
    for customer in "abcde":
        model.remember(customer, 0.0, 0.5)
    assert (model.metrics()["pending"], model.metrics()["dropped"]) == (3, 2)
    assert model.remember("a", 1.0, 0.5)
    assert not model.remember("e", 1.0, 0.5)


def test_a_state_of_another_format_is_refused():
    with pytest.raises(ModelError, match="expected format 2, found 1"):
        OnlineChurn.from_dict(fresh().to_dict() | {"format": 1})


@pytest.mark.parametrize(
    ("recency", "orders", "named"),
    [(1, 5, ("fresh",)), (3, 5, ("recent",)), (9, 1, ("late", "newcomer")), (10, 2, ("silent",))],
)
def test_customers_are_grouped_by_silence_and_newcomers_apart(recency, orders, named):
    assert segments(recency, orders, HORIZON) == named


def live(model, days, customers, seed, shift=0.0):
    """Days of traffic whose log-odds of churn are those that the batch model says, moved by `shift`."""
    rng = random.Random(seed)
    for day in days:
        for _ in range(customers):
            customer, odds = f"{day}-{rng.random()}", rng.gauss(0.0, 1.5)
            group = rng.choice([("fresh",), ("late", "newcomer"), ("silent",)])
            model.remember(customer, day * DAY, 1 / (1 + math.exp(-odds)), group)
            if rng.random() > 1 / (1 + math.exp(-odds - shift)):
                model.order(customer, (day + rng.uniform(0.1, HORIZON)) * DAY)
        model.advance(day * DAY)
    return model


def test_where_customers_have_drifted_from_the_batch_model_the_correction_is_better():
    found = live(fresh(), range(60), 60, seed=1, shift=1.0).metrics()
    assert found["labels"] > 2500
    assert found["online_log_loss"] < found["batch_log_loss"] - 0.03
    assert found["online_brier_score"] < found["batch_brier_score"] - 0.01
    assert found["batch_weight"] < 0.01


@pytest.mark.parametrize("seed", range(3))
def test_where_the_batch_model_is_right_the_correction_does_not_lose(seed):
    found = live(fresh(), range(60), 60, seed=seed).metrics()
    assert found["online_log_loss"] < found["batch_log_loss"] + 1e-3
    assert found["drifts"] == 0


def test_a_group_that_drifts_alone_is_corrected_alone():
    model, rng = fresh(), random.Random(5)
    for day in range(80):
        for n in range(60):
            customer, group = f"{day}-{n}", ("fresh", "silent")[n % 2]
            model.remember(customer, day * DAY, 0.5, (group,))
            if rng.random() < (0.5 if group == "fresh" else 0.1):
                model.order(customer, (day + 1) * DAY)
        model.advance(day * DAY)
    assert model.predict(0.5, ("fresh",)) == pytest.approx(0.5, abs=0.08)
    assert model.predict(0.5, ("silent",)) > 0.8


def test_drift_is_told_with_its_day_and_the_champion_is_trusted_again():
    model = live(fresh(), range(40), 60, seed=2)
    assert model.metrics()["drifts"] == 0
    found = live(model, range(40, 75), 60, seed=3, shift=3.0).metrics()
    assert found["drifts"] >= 1
    assert 50 <= found["drift_at"] / DAY <= 75


def test_a_new_champion_is_corrected_from_its_own_predictions_only():
    model = live(fresh(), range(40), 60, seed=1, shift=1.0)
    assert model.predict(0.5, ("fresh",)) > 0.6
    model.follow("2")
    assert model.predict(0.5, ("fresh",)) == pytest.approx(0.5)
    before = model.metrics()["labels"]
    model.advance(90 * DAY)
    assert model.metrics()["labels"] > before
    assert model.predict(0.5, ("fresh",)) == pytest.approx(0.5)


def test_the_measures_are_those_of_the_predictions_made_beforehand():
    model = fresh()
    model.remember("stays", 0.0, 0.2)
    model.order("stays", DAY)
    model.remember("leaves", 1.0, 0.9)
    model.advance(30 * DAY)
    found = model.metrics()
    assert found["batch_brier_score"] == pytest.approx((0.2**2 + 0.1**2) / 2)
    assert found["batch_log_loss"] == pytest.approx(-(math.log(0.8) + math.log(0.9)) / 2)
    assert found["batch_roc_auc"] == pytest.approx(1.0)
    assert found["online_log_loss"] == pytest.approx(found["batch_log_loss"])


@settings(max_examples=10, deadline=None)
@given(cut=st.integers(1, 28), seed=st.integers(0, 1000))
def test_saving_and_loading_midway_changes_nothing(cut, seed):
    straight = live(live(fresh(capacity=60), range(cut), 6, seed), range(cut, 30), 6, seed + 1, shift=2.0)
    saved = json.loads(json.dumps(live(fresh(capacity=60), range(cut), 6, seed).to_dict(), allow_nan=False))
    resumed = live(OnlineChurn.from_dict(saved), range(cut, 30), 6, seed + 1, shift=2.0)
    assert resumed.metrics() == pytest.approx(straight.metrics())
    assert resumed.predict(0.4, ("late",)) == pytest.approx(straight.predict(0.4, ("late",)))


def test_certainty_that_was_wrong_does_not_throw_it():
    model = live(fresh(), range(30), 10, seed=3)
    for certain in (0.0, 1.0):
        model.remember(f"odd-{certain}", 30 * DAY, certain)
    model.order("odd-1.0", 31 * DAY)
    model.advance(50 * DAY)
    assert model.predict(0.3) == pytest.approx(0.3, abs=0.05)
