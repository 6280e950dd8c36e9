"""One answer to "who can still cancel?", whoever asks."""

import numpy as np
import pytest

from ebbtide.domain.event import Event
from features.profile import new_state, update, vector
from features.store.online import OnlineStore
from models.churn.artefact import Churned
from models.churn.assessment import NO_SUBSCRIPTION, assess
from models.churn.labels import _cancel
from models.churn.population import could_cancel, judged
from models.churn.risk import look
from models.churn.scorer import ChurnScorer
from models.churn.sweep import sweep
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
