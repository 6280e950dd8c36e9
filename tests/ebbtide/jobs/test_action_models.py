"""What the stream learned, put in force through a gate: from the logs in a real Redis to MLflow."""

import contextlib

import msgspec
import pytest
from redis import Redis

from ebbtide.errors import ModelError
from ebbtide.jobs.action_models import promote_actions
from ebbtide.logs import outcomes
from ebbtide.logs.decisions import DecisionLog
from ebbtide.settings import Settings
from features import catalog
from models.actions.action_learning import Outcome, ResponseLearner
from models.actions.actions import load
from models.actions.recorded import vector
from models.actions.response_watcher import load as in_force
from models.registry.promotion import Order
from streaming.action_learner import SAVED_KEY, Saved
from tests.decided import CHANCES, POLICY, log

ORDER = Order(1_700_000_000.0, "somebody", "tried")


@contextlib.contextmanager
def quiet(what, total=None):
    yield lambda units: None


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "actions.yaml"
    path.write_text(POLICY.format(exploration=10, good=0.1, bad=0.12))
    return Settings(home=tmp_path, actions=path)


def learned(settings: Settings, redis: Redis, rows: int, chances: dict[str, float] = CHANCES) -> None:
    """Decisions, their outcomes and what the stream learned from them, as they lie in Redis."""
    policy = load(settings.actions)
    found = log(policy, rows, chances)
    learner = ResponseLearner(catalog.VERSION, catalog.NAMES)
    actions = {action.id: action for action in policy.actions}
    for receipt, outcome in found:
        learner.learn(Outcome(actions[outcome.action], vector(receipt), outcome.responded))
    DecisionLog(redis).record_many([row.receipt for row in found])
    pipeline = redis.pipeline()
    outcomes.append(pipeline, [row.outcome for row in found])
    saved = Saved("0-0", 0.0, 0.0, [], 0, msgspec.Raw(learner.to_bytes()))
    pipeline.set(SAVED_KEY, msgspec.json.encode(saved))
    pipeline.execute()


def promoted(settings: Settings, redis: Redis, *, force: bool = False):
    return promote_actions(settings, redis, ORDER, force=force, progress=quiet)


def test_before_anything_was_learned_nothing_is_put_in_force(settings, redis):
    with pytest.raises(ModelError, match="run `ebbtide stream`"):
        promoted(settings, redis, force=True)


def test_what_is_not_proven_is_refused_with_the_figures_and_changes_nothing(settings, redis):
    learned(settings, redis, 600, dict.fromkeys(CHANCES, 0.2))
    with pytest.raises(ModelError, match=r"gain over the entries of the policy .* 300 decisions"):
        promoted(settings, redis)
    assert in_force(redis) is None


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")
def test_what_is_proven_is_put_in_force(settings, redis):
    learned(settings, redis, 1_500)
    found = promoted(settings, redis)
    serving = in_force(redis)
    assert serving is not None
    assert serving.version == found.published
    shown = found.public()
    assert shown["compared"]["proven"] is True
    assert shown["compared"]["gain"]["low"] > 0.0
