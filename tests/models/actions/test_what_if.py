"""Changed policies judged on a log whose truth is known."""

import numpy as np
import pytest

from models.actions.actions import load
from models.actions.recorded import says_nothing
from models.actions.what_if import what_if
from tests.decided import CHANCES, WORTH, log

ENTRY = "  - {{id: {id}, channel: web, message: m, response: {response}, value: {value}, cost: {cost}}}\n"


def policy(folder, *, exploration=10, good=0.1, bad=0.12, value=30, cost=1, extra="", holdout=0.0):
    path = folder / "policy.yaml"
    entries = "".join(
        ENTRY.format(id=name, response=response, value=value, cost=cost)
        for name, response in (("good", good), ("bad", bad))
    )
    path.write_text(f"holdout: {holdout}\nexploration: {exploration}\nactions:\n{entries}{extra}")
    return load(path)


def judged(rows, changed):
    return what_if(rows, changed, {"good": 1.0, "bad": 1.0}, lambda _: 0, lambda _: None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("policy")


@pytest.fixture(scope="module")
def rows(folder):
    return log(policy(folder))


def test_a_better_policy_shows_its_gain_and_the_interval_covers_the_truth(folder, rows):
    better = policy(folder, good=0.3, exploration=1000)
    found = judged(rows, better)
    shares = {one.action: one.changed for one in found.shares}
    truth = sum(share * (CHANCES[name] * WORTH - (name != "none")) for name, share in shares.items())
    assert found.refusal is None
    assert found.gain.low > 0.0
    assert found.changed.low <= truth <= found.changed.high
    assert found.logged.value == pytest.approx(
        np.mean([row.outcome.week - (row.outcome.action != "none") for row in rows])
    )


def test_a_worse_policy_shows_its_loss(folder, rows):
    assert judged(rows, policy(folder, good=0.05, bad=0.4, exploration=1000)).gain.high < 0.0


def test_the_policy_in_force_gains_nothing(folder, rows):
    found = judged(rows, policy(folder))
    assert found.effective_sample_size == pytest.approx(len(rows))
    assert found.gain.low <= 0.0 <= found.gain.high


def test_an_action_that_was_never_taken_is_refused_by_its_name(folder, rows):
    entry = ENTRY.format(id="novel", response=0.9, value=50, cost=0)
    found = judged(rows, policy(folder, extra=entry))
    assert found.refusal is not None
    assert "novel" in found.refusal
    assert "impossible in the log" in found.refusal
    assert found.gain is None


def test_a_log_whose_choices_were_certain_cannot_tell_of_others(folder):
    certain = log(policy(folder, exploration="none"), rows=200)
    found = judged(certain, policy(folder, good=0.3, exploration="none"))
    assert found.refusal is not None
    assert "set `exploration`" in found.refusal


def test_few_decisions_are_refused(folder, rows):
    assert "expected at least 100" in str(judged(rows[:50], policy(folder)).refusal)
    assert "no decision" in str(judged([], policy(folder)).refusal)


def test_few_effective_decisions_are_refused(folder, rows):
    rare = log(policy(folder, good=0.0, bad=0.4, exploration=2000), rows=400)
    found = judged(rare, policy(folder, good=0.9, bad=0.0, exploration=2000))
    assert "effective" in str(found.refusal)


def test_customers_held_out_say_nothing_of_actions(folder):
    held = [row for row in log(policy(folder, holdout=0.3), rows=100) if says_nothing(row.receipt)]
    assert 10 < len(held) < 50
    assert {row.receipt.chosen for row in held} == {"none"}
