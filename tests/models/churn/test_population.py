"""One answer to "who can still cancel?" and "who is slipping?", whoever asks."""

import math

import numpy as np
import pytest

from ebbtide.domain.customer import Stage
from ebbtide.domain.event import Event
from ebbtide.domain.trigger import Memory
from features import lifecycle
from features.profile import named, new_state, update, vector
from features.store.online import OnlineStore
from models.churn.artefact import Churned
from models.churn.assessment import NO_SUBSCRIPTION, assess
from models.churn.labels import _cancel
from models.churn.population import against_base, could_cancel, judged
from models.churn.risk import look
from models.churn.scorer import ChurnScorer
from models.churn.sweep import sweep
from models.triggers.snapshot import Snapshot, churn_by
from models.value.value import Valuer
from tests.churn_model import artefact

DAY = 86_400.0
NOW = 200 * DAY
STORIES = {
    "never": (),
    "running": ("Subscription Started",),
    "asked": ("Subscription Started", "Cancellation Requested"),
    "renewed": ("Subscription Started", "Cancellation Requested", "Subscription Renewed"),
    "ended": ("Subscription Started", "Subscription Cancelled"),
}
CAN = {"running", "renewed"}


def customer(names):
    state = new_state()
    for n, name in enumerate(("Order Completed", *names)):
        update(state, Event(str(n), "c", name, (150 + n) * DAY))
    return state


@pytest.fixture(scope="module")
def scorer():
    return ChurnScorer("1", artefact(churned=Churned.CANCEL))


@pytest.mark.parametrize("story", STORIES)
def test_decisions_alerts_labels_and_monitoring_agree_on_who_could_cancel(scorer, story):
    state = customer(STORIES[story])
    signals = vector(state, NOW)
    decided = assess(scorer, signals)
    assert could_cancel(signals) is (story in CAN)
    assert (decided.churn is not None) is (story in CAN)
    assert decided.faults == (() if story in CAN else (NO_SUBSCRIPTION,))
    assert (look(scorer.curve, state, NOW) is not None) is (story in CAN)
    assert _cancel(state)[1] is (story in CAN)
    assert judged(Churned.CANCEL, np.array([signals])).tolist() == [story in CAN]
    assert judged(Churned.SILENCE, np.array([signals])).tolist() == [True]


def test_the_sweep_says_nothing_of_those_who_could_not_cancel(scorer, redis):
    store = OnlineStore(redis)
    store.write_many([(story, customer(names)) for story, names in STORIES.items()])
    found = {}
    for part in sweep(store, scorer, Valuer().predict_many, NOW):
        found |= dict(zip(part.customers, np.isfinite(part.at_risk).tolist(), strict=True))
    assert found == {story: story in CAN for story in STORIES}


@pytest.mark.parametrize(
    ("base", "probability", "expected"),
    [(0.5, 0.5, 1.0), (0.2, 1 / 3, 2.0), (0.8, 8 / 9, 2.0), (0.5, 0.0, 0.0), (0.5, 1.0, math.inf)],
)
def test_a_risk_is_compared_in_odds_so_that_twice_means_something_in_every_base(base, probability, expected):
    assert against_base(artefact(base_rate=base), probability, 10.0) == pytest.approx(expected)


def test_of_whom_a_model_cannot_speak_the_risk_is_not_compared():
    known = artefact(base_rate=0.5)
    assert math.isnan(against_base(artefact(), 0.9, 10.0))
    assert math.isnan(against_base(known, math.nan, 10.0))
    assert math.isnan(against_base(known, 0.9, known.active + 1.0))
    assert against_base(artefact(base_rate=0.5, churned=Churned.CANCEL), 0.9, 500.0) == pytest.approx(9.0)


def monthly(orders):
    state = new_state()
    for n in range(orders):
        update(state, Event(str(n), "c", "Order Completed", n * 30 * DAY))
    return state


@pytest.mark.parametrize("base_rate", [None, 0.05, 0.2])
def test_decisions_alerts_triggers_and_the_sweep_tell_the_same_stage(base_rate, redis):
    scorer, store = ChurnScorer("1", artefact(base_rate=base_rate)), OnlineStore(redis)
    state, told = monthly(5), set()
    store.write_many([("c", state)])
    for silence in range(0, 300, 6):
        now = (4 * 30 + silence) * DAY
        decided = assess(scorer, vector(state, now), "active").stage
        state.memory = Memory("", now, "active")
        store.write_many([("c", state)])
        [swept] = sweep(store, scorer, Valuer().predict_many, now)
        fired = Snapshot(state, now, "active", None, churn_by(lambda: scorer), frozenset()).stage
        assert decided == fired == swept.stages[0]
        if (seen := look(scorer.curve, state, now)) is not None:
            alerted = lifecycle.stage(named(seen.vector), "active", lambda seen=seen: seen.against_base)
            assert alerted is decided
        if silence <= 60:
            told.add(decided)
    assert told == {Stage.ACTIVE} | ({Stage.SLIPPING} if base_rate else set())


def test_who_slipped_by_the_curve_does_not_recover_by_outlasting_what_the_model_knows():
    scorer, state, stage, seen = (
        ChurnScorer("1", artefact(base_rate=0.1, active=50)),
        monthly(5),
        "active",
        [],
    )
    for silence in range(30, 61):
        decided = assess(scorer, vector(state, (4 * 30 + silence) * DAY), stage)
        stage = decided.stage
        seen.append((stage, bool(decided.faults)))
    assert sorted(set(seen), key=seen.index) == [("active", False), ("slipping", False), ("slipping", True)]
