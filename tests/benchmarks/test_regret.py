"""Learning in the simulated shop, small; how well it did over many seeds is the benchmark's to say."""

import numpy as np
import pytest

from benchmarks.regret import VW, ebbtide, left_alone, measure, planted, vowpal_wabbit
from benchmarks.simulator import Shop
from models.actions.policies import vw_installed

SHOP = Shop(3)


@pytest.fixture(scope="module")
def run():
    return ebbtide(SHOP, 1_500)


def test_regret_never_falls_and_slows_down(run):
    steps = np.diff(run.regret, prepend=0.0)
    assert (steps >= 0.0).all()
    assert steps[-500:].mean() < 0.6 * steps[:500].mean()


def test_propensities_are_the_chances_of_what_was_taken(run):
    weight = 1.0 / run.propensity
    assert ((run.propensity > 0.0) & (run.propensity <= 1.0)).all()
    for action in range(6):  # the weights of each action have the mean 1
        each = (run.taken == action) * weight
        assert each.mean() == pytest.approx(1.0, abs=5 * each.std() / np.sqrt(len(each)))


def test_a_run_is_the_same_each_time(run):
    assert (ebbtide(SHOP, 300).taken == run.taken[:300]).all()


def test_planted_policies_are_judged_on_the_log(run):
    found = planted(SHOP, run)
    assert found["gain_truth"] > 0.0
    assert found["gain_low"] <= found["gain"] <= found["gain_high"]
    assert 0.0 <= left_alone(SHOP, run) <= 1.0


def test_whom_contact_drives_away_is_left_alone_and_a_better_policy_is_told_from_a_worse():
    run = ebbtide(SHOP, 6_000)
    assert left_alone(SHOP, run) > 0.7  # by chance 1 in 6
    assert planted(SHOP, run)["told_apart"]


@pytest.mark.slow
@pytest.mark.skipif(not vw_installed(), reason="Vowpal Wabbit is in an extra")
def test_it_is_held_against_vowpal_wabbit_and_chance():
    found = measure([3], 600, VW)
    assert found["ratio_vw"] == pytest.approx(found["regret"]["ebbtide"] / found["regret"]["vw"])
    assert found["regret"]["ebbtide"] < found["regret"]["uniform"]
    assert (vowpal_wabbit(SHOP, 100, VW).taken == vowpal_wabbit(SHOP, 100, VW).taken).all()
