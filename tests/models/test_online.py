import json
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebbtide.errors import ModelError
from models.online import DAY, OnlineChurn

NAMES = ("recency_days", "orders_30d")
HORIZON = 10


def fresh(**changes):
    return OnlineChurn(NAMES, horizon=HORIZON, **changes)


def test_before_any_label_it_says_what_the_batch_model_says():
    for probability in (0.01, 0.3, 0.5, 0.97):
        assert fresh().predict([3.0, math.nan], probability) == pytest.approx(probability)


def test_a_label_is_not_learned_before_its_horizon_has_passed():
    model = fresh()
    model.remember("a", 0.0, [1.0, 2.0], 0.5)
    assert model.advance(HORIZON * DAY) == 0
    assert model.advance(HORIZON * DAY + 1) == 1


def test_an_early_order_does_not_make_the_label_due_sooner():
    model = fresh()
    model.remember("a", 0.0, [1.0, 2.0], 0.5)
    model.order("a", 1 * DAY)
    assert model.advance(2 * DAY) == 0
    assert model.metrics()["labels"] == 0
    model.advance(11 * DAY)
    assert model.metrics()["churned"] == 0


@pytest.mark.parametrize(("at", "churned"), [(0.0, 1), (1.0, 0), (10 * DAY, 0), (10 * DAY + 1, 1)])
def test_only_an_order_after_the_prediction_and_within_the_horizon_counts(at, churned):
    model = fresh()
    model.remember("a", 0.0, [1.0, 2.0], 0.5)
    model.order("a", at)
    model.advance(20 * DAY)
    assert model.metrics()["churned"] == churned


def test_a_customer_is_remembered_once_in_seven_days():
    model = fresh()
    kept = [model.remember("a", day * DAY, [1.0, 2.0], 0.5) for day in range(15)]
    assert [day for day, taken in enumerate(kept) if taken] == [0, 7, 14]


def test_beyond_capacity_the_oldest_prediction_is_dropped_and_counted():
    model = fresh(capacity=3)
    for customer in "abcde":
        model.remember(customer, 0.0, [1.0, 2.0], 0.5)
    assert (model.metrics()["pending"], model.metrics()["dropped"]) == (3, 2)
    assert model.remember("a", 1.0, [1.0, 2.0], 0.5)
    assert not model.remember("e", 1.0, [1.0, 2.0], 0.5)


def test_a_vector_of_another_width_is_refused():
    with pytest.raises(ModelError, match="expected 2 values in a vector, found 1"):
        fresh().predict([1.0], 0.5)


def test_a_state_for_other_signals_is_refused():
    with pytest.raises(ModelError, match="with 2 signals"):
        OnlineChurn.from_dict(fresh().to_dict(), ("recency_days",))


def live(model, days, customers, seed, probability=0.5, flipped=False):
    """Days of traffic: those of high recency leave (or, flipped, of low); the batch model sees nothing."""
    rng = random.Random(seed)
    for day in days:
        for _ in range(customers):
            customer, recency = f"{day}-{rng.random()}", rng.uniform(0, 60)
            model.remember(
                customer, day * DAY, [recency, math.nan if rng.random() < 0.3 else rng.random()], probability
            )
            if (recency > 30) == flipped and rng.random() < 0.95:
                model.order(customer, (day + rng.uniform(0.1, HORIZON)) * DAY)
        model.advance(day * DAY)
    return model


def test_after_a_drift_that_the_batch_model_misses_the_online_model_is_better():
    found = live(fresh(), range(60), 30, seed=1).metrics()
    assert found["labels"] > 1000
    assert found["online_log_loss"] < found["batch_log_loss"] - 0.1
    assert found["online_roc_auc"] > found["batch_roc_auc"] + 0.2
    assert found["online_brier_score"] < found["batch_brier_score"]


def test_the_measures_are_those_of_the_predictions_made_beforehand():
    model = fresh()
    model.remember("stays", 0.0, [1.0, 2.0], 0.2)
    model.order("stays", DAY)
    model.remember("leaves", 1.0, [1.0, 2.0], 0.9)
    model.advance(30 * DAY)
    found = model.metrics()
    assert found["batch_brier_score"] == pytest.approx((0.2**2 + 0.1**2) / 2)
    assert found["batch_log_loss"] == pytest.approx(-(math.log(0.8) + math.log(0.9)) / 2)
    assert found["batch_roc_auc"] == pytest.approx(1.0)
    assert found["online_log_loss"] == pytest.approx(found["batch_log_loss"])


@settings(max_examples=10, deadline=None)
@given(cut=st.integers(1, 28), seed=st.integers(0, 1000))
def test_saving_and_loading_midway_changes_nothing(cut, seed):
    straight = live(live(fresh(capacity=60), range(cut), 6, seed), range(cut, 30), 6, seed + 1)
    saved = json.loads(json.dumps(live(fresh(capacity=60), range(cut), 6, seed).to_dict(), allow_nan=False))
    resumed = live(OnlineChurn.from_dict(saved, NAMES), range(cut, 30), 6, seed + 1)
    assert resumed.to_dict() == straight.to_dict()
    assert resumed.metrics() == straight.metrics()
    assert resumed.predict([12.0, 0.5], 0.4) == straight.predict([12.0, 0.5], 0.4)


def test_wild_values_do_not_throw_the_weights():
    model = live(fresh(), range(30), 10, seed=3)
    model.remember("odd", 30 * DAY, [1e30, -1e30], 0.5)
    model.advance(50 * DAY)
    assert 0.0 < model.predict([10.0, 0.5], 0.5) < 1.0
