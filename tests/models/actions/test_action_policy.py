"""What is learned from a randomised log: effects that are there, and none that are not."""

from dataclasses import replace

import numpy as np
import pytest

from models.actions import action_policy, policies
from models.actions.context import ContextEncoder
from models.actions.reward_models import RewardModels, average
from tests.models.randomised import randomised_log


def learned(log):
    inputs = ContextEncoder(log).matrix(log)
    return action_policy.learn(log, inputs, lambda _: None), inputs


def crossed(x, action):
    """Calls please the young and annoy the old, mail the other way round."""
    return 0.3 + (-0.2, 0.2, 0.0)[action] * np.sign(x[:, 0])


def test_an_effect_that_differs_by_customer_is_found():
    log, truth = randomised_log(crossed)
    policy, inputs = learned(log)
    assert policy.learner is not None
    got = truth[np.arange(len(log)), policy.choose(inputs)].mean()
    assert got > truth.mean(axis=0).max() + 0.1


@pytest.mark.parametrize("seed", range(3))
def test_no_effect_is_invented(seed):
    log, _ = randomised_log(lambda x, _: 0.2 + 0.1 * x[:, 1], seed=seed)
    policy, inputs = learned(log)
    assert policy.learner is None
    assert len(set(policy.choose(inputs))) == 1


def test_without_an_effect_the_cheapest_action_is_taken():
    log, _ = randomised_log(lambda x, _: 0.2, costs=(0.1, 0.1, 0.0))
    policy, _ = learned(log)
    assert log.actions[policy.constant] == "none"


def test_an_effect_that_all_share_gives_the_best_constant_action():
    log, _ = randomised_log(lambda x, action: 0.2 + 0.1 * (action == 1))
    policy, _ = learned(log)
    assert (policy.learner, log.actions[policy.constant]) == (None, "mail")


def test_without_a_context_the_best_constant_action_is_taken():
    log, _ = randomised_log(lambda x, action: 0.2 + 0.1 * (action == 0))
    policy = action_policy.learn(log, np.empty((len(log), 0)), lambda _: None)
    assert (policy.learner, log.actions[policy.constant]) == (None, "call")


def test_costs_turn_the_choice():
    log, _ = randomised_log(crossed, costs=(1.0, 0.0, 1.0))
    policy, inputs = learned(log)
    assert set(policy.choose(inputs)) == {1}


def test_an_action_seen_once_is_expected_to_bring_about_what_all_bring():
    log, _ = randomised_log(lambda x, _: 0.2)
    reward, taken = log.reward.copy(), np.where(log.taken == 2, 1, log.taken)
    taken[0], reward[0] = 2, 1.0
    lucky = replace(log, taken=taken, reward=reward)
    inputs = ContextEncoder(log).matrix(log)
    models = RewardModels(lucky, inputs)
    assert average(models, inputs, 2).mean() < 0.35


def test_rewards_in_money_are_learned_as_well():
    log, _ = randomised_log(crossed)
    paid = replace(log, reward=40.0 * log.reward - 3.0)
    policy, inputs = learned(paid)
    assert policy.learner is not None
    assert average(policy.models, inputs, 0).mean() == pytest.approx(40 * 0.3 - 3, abs=2.0)


def test_learning_twice_gives_the_same_policy():
    log, _ = randomised_log(crossed, rows=1_500)
    first, second = learned(log), learned(log)
    assert first[0].gains == second[0].gains
    assert (first[0].choose(first[1]) == second[0].choose(second[1])).all()


def test_customers_are_never_parted_by_folds():
    log, _ = randomised_log(crossed, rows=300)
    grouped = replace(log, group=np.arange(300) // 3)
    fold = grouped.folds(5, seed=1).reshape(-1, 3)
    assert (fold == fold[:, :1]).all()
    assert set(fold[:, 0]) == set(range(5))


def test_vowpal_wabbit_finds_a_clear_effect():
    pytest.importorskip("vowpalwabbit")
    log, truth = randomised_log(crossed)
    inputs = ContextEncoder(log).matrix(log)
    chosen = policies.vowpal_wabbit(log, inputs, inputs, lambda _: None)
    assert truth[np.arange(len(log)), chosen].mean() > truth.mean()


def test_every_policys_value_is_estimated_within_its_interval():
    log, truth = randomised_log(crossed, rows=6_000)
    train, judged = (np.flatnonzero(log.folds(2, 7) == half) for half in (0, 1))
    inputs = ContextEncoder(log).matrix(log)
    policy = action_policy.learn(log.part(train), inputs[train], lambda _: None)
    best = truth[judged].argmax(axis=1)
    found = policies.judge(log.part(judged), inputs[judged], policy.models, {"best": best}, lambda _: None)
    values = {f"always:{name}": value for name, value in zip(log.actions, truth.mean(axis=0), strict=True)}
    values |= {"uniform": truth.mean(), "best": truth.max(axis=1).mean(), "logging": log.profit.mean()}
    assert {one.name for one in found} == set(values)
    for one in found:
        assert one.dr_low - 0.01 <= values[one.name] <= one.dr_high + 0.01, one
        assert one.dr_low <= one.dr <= one.dr_high


def test_a_context_may_have_gaps_new_values_and_columns_without_any():
    log, _ = randomised_log(crossed, rows=100)
    frame = log.context.with_columns(age=None, empty=None).cast({"age": float, "empty": float})
    seen = replace(log, context=log.context.with_columns(empty=frame["empty"]))
    strange = frame.with_columns(member=frame["member"].replace({"yes": "never seen"}))
    assert np.isfinite(ContextEncoder(seen).matrix(replace(log, context=strange))).all()
