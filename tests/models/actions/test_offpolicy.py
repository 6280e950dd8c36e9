"""The estimators give what a hand computes, and come near what policies really get."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.actions import offpolicy

SHARED = Path(__file__).parents[4] / "shared" / "data"
PROPENSITY = np.array([0.5, 0.25, 0.5, 0.25])
TAKEN = np.array([0, 1, 0, 2])
REWARD = np.array([1.0, 1.0, 0.0, 0.0])
WEIGHT = (np.array([0, 1, 1, 2]) == TAKEN) / PROPENSITY
"""Of a policy that takes 0, 1, 1, 2: the weights are 2, 4, 0, 4."""


def test_ips_is_the_mean_of_weight_times_reward():
    assert offpolicy.ips(WEIGHT, REWARD) == pytest.approx((2 + 4) / 4)


def test_snips_divides_by_the_weights():
    assert offpolicy.snips(WEIGHT, REWARD) == pytest.approx(6 / 10)


def test_snips_of_a_policy_that_no_row_speaks_of_is_unknown():
    assert np.isnan(offpolicy.snips(np.zeros(3), np.ones(3)))


def test_effective_sample_size_is_kishs():
    assert offpolicy.effective_sample_size(WEIGHT) == pytest.approx(100 / 36)
    assert offpolicy.effective_sample_size(np.zeros(3)) == 0.0


def test_doubly_robust_puts_the_model_right_where_a_row_knows_better():
    expected_taken, expected = np.array([0.5, 0.5, 0.25, 0.25]), np.array([0.5, 0.5, 0.75, 0.25])
    found = offpolicy.doubly_robust(WEIGHT, REWARD, expected_taken, expected)
    assert found.tolist() == [0.5 + 2 * 0.5, 0.5 + 4 * 0.5, 0.75, 0.25 - 4 * 0.25]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 50), st.floats(-5, 5)), min_size=1, max_size=30))
def test_doubly_robust_with_a_model_that_expects_nothing_is_ips(rows):
    weight, reward = np.array(rows).T
    nothing = np.zeros(len(rows))
    found = offpolicy.doubly_robust(weight, reward, nothing, nothing)
    assert found.mean() == pytest.approx(offpolicy.ips(weight, reward), abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 50), st.floats(-5, 5)), min_size=1, max_size=30))
def test_snips_stays_among_the_rewards_and_no_more_rows_speak_than_there_are(rows):
    weight, reward = np.array(rows).T
    assert reward.min() - 1e-9 <= offpolicy.snips(weight, reward) <= reward.max() + 1e-9
    assert 1.0 - 1e-9 <= offpolicy.effective_sample_size(weight) <= len(rows) + 1e-9


def test_the_interval_is_about_as_wide_as_theory_says_with_many_rows_as_with_few():
    for rows in (2_000, 40_000):
        values = np.random.default_rng(1).normal(size=(rows, 1))
        low, high = offpolicy.interval(values, np.arange(rows))
        assert high[0] - low[0] == pytest.approx(2 * 1.96 / rows**0.5, rel=0.12)


def test_rows_of_one_customer_are_drawn_together():
    values = np.repeat(np.random.default_rng(1).normal(size=400), 25)[:, None]
    low, high = offpolicy.interval(values, np.repeat(np.arange(400), 25))
    assert high[0] - low[0] == pytest.approx(2 * 1.96 / 400**0.5, rel=0.12)


@pytest.mark.parametrize("policy", ["random", "bts"])
def test_on_open_bandit_the_estimators_are_what_plain_sums_say(policy):
    """Of the policy that shows the item clicked most, whatever the position."""
    path = SHARED / f"obd_{policy}_men.parquet"
    if not path.exists():
        pytest.skip("the Open Bandit files are not here")
    log = pl.read_parquet(path)
    item = log.filter(pl.col("click") == 1)["item_id"].mode().min()
    weights, worth, expected = [], [], []
    for row in log.iter_rows(named=True):
        weight = (row["item_id"] == item) / row["propensity_score"]
        weights.append(weight)
        worth.append(weight * row["click"])
        expected.append(0.01 + weight * (row["click"] - 0.01))
    weight, click = np.array(weights), log["click"].to_numpy().astype(float)
    assert sum(worth) > 0.0
    assert offpolicy.ips(weight, click) == pytest.approx(sum(worth) / len(worth))
    assert offpolicy.snips(weight, click) == pytest.approx(sum(worth) / sum(weights))
    size = sum(weights) ** 2 / sum(each**2 for each in weights)
    assert offpolicy.effective_sample_size(weight) == pytest.approx(size)
    guess = np.full(len(log), 0.01)
    robust = offpolicy.doubly_robust(weight, click, guess, guess).mean()
    assert robust == pytest.approx(sum(expected) / len(expected))


def covered_by(judged, weight):
    values = weight * judged["click"].to_numpy()
    low, high = offpolicy.interval(values[:, None], np.arange(len(judged)))
    return float(low[0]), float(high[0])


@pytest.mark.parametrize("campaign", ["all", "men"])
def test_on_open_bandit_each_policys_value_is_found_from_the_others_log(campaign):
    """Thompson's chances of each item are not in the random log: its frequencies by position stand in."""
    if not SHARED.exists():
        pytest.skip("the Open Bandit files are not here")
    random, thompson = (
        pl.read_parquet(SHARED / f"obd_{who}_{campaign}.parquet") for who in ("random", "bts")
    )
    shown = thompson.group_by("position", "item_id").len()
    chance = shown.with_columns(chance=pl.col("len") / pl.col("len").sum().over("position"))
    judged = random.join(chance, on=["position", "item_id"], how="left", maintain_order="left")
    low, high = covered_by(
        judged, judged["chance"].fill_null(0.0).to_numpy() / judged["propensity_score"].to_numpy()
    )
    assert low <= thompson["click"].mean() <= high
    low, high = covered_by(
        thompson, 1.0 / (random["item_id"].n_unique() * thompson["propensity_score"].to_numpy())
    )
    assert low <= random["click"].mean() <= high
