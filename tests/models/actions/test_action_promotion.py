"""The gate of the response model: against a log whose truth is known, with a real MLflow store."""

import dataclasses

import numpy as np
import pytest
from redis import Redis

from ebbtide.domain.action import NOTHING
from ebbtide.errors import ModelError
from features import catalog
from models.actions.action_learning import Outcome, ResponseLearner
from models.actions.action_promotion import FEWEST, compare, promote, restore
from models.actions.actions import load
from models.actions.recorded import vector
from models.actions.response_watcher import load as in_force
from models.actions.responses import Responses
from models.registry.aliases import moves
from models.registry.promotion import Order
from models.registry.registry import Registry, session
from tests.decided import CHANCES, POLICY, log

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")
ORDER = Order(1_700_000_000.0, "somebody", "tried")


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    path = tmp_path_factory.mktemp("policy") / "actions.yaml"
    path.write_text(POLICY.format(exploration=10, good=0.1, bad=0.12))
    return load(path)


@pytest.fixture(scope="module")
def rows(policy):
    return log(policy)


def judged(rows, policy, incumbent=None):
    return compare(rows, policy, incumbent, lambda _: None)


def test_a_model_that_learned_what_brings_more_is_proven(policy, rows):
    found = judged(rows, policy)
    assert found.proven
    assert found.incumbent is None
    assert found.gain.value == pytest.approx(found.challenger.value - found.champion.value)
    assert found.judged_on == found.learned_from == len(rows) // 2


def test_where_actions_make_no_difference_nothing_is_proven(policy):
    found = judged(log(policy, rows=800, chances=dict.fromkeys(CHANCES, 0.2)), policy)
    assert not found.proven


def test_a_model_is_not_better_than_one_that_knows_as_much(policy, rows):
    learner = ResponseLearner(catalog.VERSION, catalog.NAMES)
    actions = {action.id: action for action in policy.actions}
    for receipt, outcome in rows[:750]:
        learner.learn(Outcome(actions[outcome.action], vector(receipt), outcome.responded))
    found = judged(rows, policy, Responses(learner.document()))
    assert not found.proven
    assert found.incumbent is not None


def test_few_decisions_are_refused(policy, rows):
    with pytest.raises(ModelError, match=f"expected at least {FEWEST}"):
        judged(rows[: FEWEST - 1], policy)


@pytest.mark.slow
def test_a_champion_is_kept_in_mlflow_put_in_force_and_restored(tmp_path, redis: Redis, policy, rows):
    registry = Registry(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "artifacts")
    compared = judged(rows, policy)
    first = promote(registry, redis, _document(), ORDER, compared)
    second = promote(registry, redis, ResponseLearner(catalog.VERSION, catalog.NAMES).document(), ORDER)
    assert [first.split("-")[0], second.split("-")[0]] == ["1", "2"]
    assert restore(registry, redis, "1", dataclasses.replace(ORDER, why="back")) == first
    found = in_force(redis)
    assert found is not None
    assert found.version == first
    with session(registry) as tracking:
        run = tracking.get_run(tracking.get_model_version("ebbtide-responses", "1").run_id)
        assert run.data.metrics["gain_low"] == pytest.approx(compared.gain.low)
        history = [(move.version, move.before) for move in moves(tracking, "ebbtide-responses")]
    assert history == [("1", None), ("2", "1"), ("1", "2")]
    with pytest.raises(ModelError):
        restore(registry, redis, "9", ORDER)


def _document():
    learner = ResponseLearner(catalog.VERSION, catalog.NAMES)
    learner.learn(Outcome(NOTHING, np.ones(len(learner.names)), True))
    return learner.document()
