import gc
import math
import sys

import numpy as np
import pytest

from ebbtide.domain.customer import Stage
from features import lifecycle
from features.catalog import NAMES
from features.profile import named, new_state, update, vector
from features.signals.testing import order
from features.store.online import OnlineStore
from models.churn.scorer import load
from models.churn.sweep import Summary, matrix, stages, sweep
from models.value.value import Valuer
from tests.churn_model import artefact, publish

DAY = 86_400.0
NOW = 300 * DAY


def states():
    """Customers of every kind, some of whom never ordered."""
    found = {}
    for n in range(57):
        state = new_state()
        for day in range(n % 9, 290 - 4 * n, 3 + n % 20):
            update(state, order(day, revenue=1.0 + n, customer=f"c{n}"))
        if n % 10 == 0:
            state = new_state()
            update(state, order(5, name="Product Viewed", customer=f"c{n}"))
        found[f"c{n}"] = state
    return found


@pytest.fixture
def store(redis):
    publish(redis)
    found = OnlineStore(redis)
    found.write_many(states().items())
    return found


def swept(store, redis, chunk):
    return list(sweep(store, load(redis), Valuer().predict_many, NOW, chunk))


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_everyone_gets_what_they_would_get_alone(store, redis, chunk):
    scorer, seen = load(redis), {}
    for part in swept(store, redis, chunk):
        for n, name in enumerate(part.customers):
            seen[name] = (part.stages[n], part.curve[n].tolist(), part.worth[n], part.at_risk[n])
    assert seen.keys() == states().keys()
    for name, state in states().items():
        signals = vector(state, NOW)
        stage, curve, worth, at_risk = seen[name]
        assert stage is lifecycle.stage(named(signals))
        assert worth == pytest.approx(Valuer().predict_one(signals))
        if named(signals)["orders_total"]:
            assert curve == pytest.approx(scorer.curve.predict_one(signals))
            assert at_risk == pytest.approx(scorer.predict_one(signals) * worth)
        else:
            assert all(map(math.isnan, [*curve, at_risk]))


def test_a_summary_is_the_same_however_the_chunks_fall(store, redis):
    whole, pieces = Summary(), Summary()
    for summary, chunk in ((whole, 1000), (pieces, 4)):
        for part in swept(store, redis, chunk):
            summary.add(part, 1)
    assert (whole.customers, whole.judged) == (pieces.customers, pieces.judged) == (57, 51)
    assert whole.stages == pieces.stages
    assert whole.mean_probability == pytest.approx(pieces.mean_probability)
    assert whole.value_at_risk == pytest.approx(pieces.value_at_risk)
    assert [each.customer for each in whole.top] == [each.customer for each in pieces.top]
    assert len(whole.top) == 10
    assert [each.value_at_risk for each in whole.top] == sorted(
        (each.value_at_risk for each in whole.top), reverse=True
    )


def test_a_sweep_leaves_the_collector_and_the_turns_of_threads_as_they_were(store, redis):
    before = (gc.isenabled(), sys.getswitchinterval())
    parts = sweep(store, load(redis), Valuer().predict_many, NOW, 7)
    next(parts)
    assert not gc.isenabled()
    parts.close()
    assert (gc.isenabled(), sys.getswitchinterval()) == before


def test_without_customers_there_is_nothing_to_say(redis):
    publish(redis)
    assert swept(OnlineStore(redis), redis, 10) == []
    assert Summary().mean_probability is None


def test_a_matrix_is_the_vectors_one_by_one():
    every = list(states().values())
    found = matrix(every, NOW)
    assert np.array_equal(found, np.array([vector(state, NOW) for state in every]), equal_nan=True)
    assert matrix([], NOW).shape == (0, len(NAMES))
    unknown = np.full(len(every), math.nan)
    stage = lifecycle.stage(named(vector(every[0], NOW)))
    assert stages(found, [""] * len(every), artefact(), unknown)[0] is stage


def test_a_stage_that_was_seen_counts_in_the_sweep_as_it_does_for_one():
    state = new_state()
    for day in range(1_000, 1_000 + 9 * 30, 30):
        update(state, order(day))
    signals = matrix([state, state], (1_000 + 8 * 30 + 1) * 86_400.0)
    found = stages(signals, ["", "loyal"], artefact(), np.full(2, math.nan))
    assert found == [Stage.ACTIVE, Stage.LOYAL]
