"""From the logs in a real Redis to what is printed."""

import contextlib

import numpy as np
import pytest
from redis import Redis

from ebbtide.errors import ConfigError
from ebbtide.jobs.what_if import what_if
from ebbtide.logs import outcomes
from ebbtide.logs.decisions import DecisionLog
from ebbtide.logs.outcomes import Attributed
from ebbtide.settings import Settings
from models.actions.actions import load
from tests.decided import POLICY, receipt


@contextlib.contextmanager
def quiet(what, total=None):
    yield lambda units: None


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "actions.yaml"
    path.write_text(POLICY.format(exploration=10, good=0.1, bad=0.12))
    return Settings(home=tmp_path, actions=path)


def logged(settings: Settings, redis: Redis, rows: int = 600) -> None:
    """Decisions in the log, all of them due; the good action brings money, the bad one none."""
    policy, rng = load(settings.actions), np.random.default_rng(7)
    receipts = [receipt(policy, number, rng) for number in range(rows)]
    DecisionLog(redis, keep=10_000, seconds=1_000).record_many(receipts)
    pipeline = redis.pipeline()
    found = [
        Attributed(
            one.decision.decision_id, f"c{number}", one.chosen, one.at, one.at, money > 0, money, money
        )
        for number, one in enumerate(receipts)
        for money in [20.0 * (one.chosen == "good") * (number % 2)]
    ]
    outcomes.append(pipeline, found)
    pipeline.execute()


def judged(settings: Settings, redis: Redis, text: str):
    path = settings.root / "changed.yaml"
    path.write_text(text)
    return what_if(settings, redis, path, progress=quiet).public()


def test_a_changed_policy_is_judged_on_what_is_logged(settings, redis):
    logged(settings, redis)
    found = judged(settings, redis, POLICY.format(exploration=100, good=0.5, bad=0.1))
    assert found["refusal"] is None
    assert found["rows"] == 600
    assert found["gain"]["low"] > 0.0
    assert found["first"].startswith("2023-11-14")
    assert {share["action"] for share in found["shares"]} == {"none", "good", "bad"}


def test_an_empty_log_is_refused_in_words(settings, redis):
    found = judged(settings, redis, POLICY.format(exploration=100, good=0.5, bad=0.1))
    assert "no decision" in found["refusal"]
    assert found["gain"] is None


def test_decisions_that_have_expired_are_left_out(settings, redis):
    logged(settings, redis, rows=150)
    redis.delete("ebbtide:decision:d0", "ebbtide:decision:d1")
    assert judged(settings, redis, POLICY.format(exploration=10, good=0.1, bad=0.12))["rows"] == 148


def test_a_policy_with_faults_is_refused(settings, redis):
    with pytest.raises(ConfigError, match="response"):
        judged(settings, redis, POLICY.format(exploration=10, good=7, bad=0.1))
