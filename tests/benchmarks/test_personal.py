"""Logs of which everything is known tell whether a policy by customer is learned or invented."""

import numpy as np
import pytest

from benchmarks.personal import found, halved, invented, shuffled, simulated


@pytest.mark.parametrize("effect", [True, False])
def test_a_simulated_log_pays_what_it_says_it_does(effect):
    log, chances = simulated(1, 40_000, effect=effect)
    paid = [log.reward[log.taken == action].mean() for action in range(3)]
    assert paid == pytest.approx(chances.mean(axis=0), abs=0.01)
    possible = chances.max(axis=1).mean() - chances.mean(axis=0).max()
    assert possible == pytest.approx(0.015 if effect else 0.0, abs=0.001)


def test_halves_share_no_row_and_a_policy_is_learned_on_one():
    log, _ = simulated(1, 600, effect=True)
    policy, held, asked = halved(log, 1)
    assert len(held) == len(asked) == len(policy.choose(asked)) == 300


def test_shuffled_actions_are_taken_as_often_as_before():
    log, _ = simulated(1, 600, effect=True)
    [one] = shuffled(log, 1)
    assert (np.bincount(one.taken) == np.bincount(log.taken)).all()
    assert (one.taken != log.taken).any()


def test_shares_are_told():
    result = found(1, 20_000)
    assert result["taken"] in (0.0, 1.0)
    assert result["gained"] <= 1.0
    assert invented([simulated(1, 600, effect=False)[0]]) in (0.0, 1.0)
