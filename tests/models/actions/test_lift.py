import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.actions.lift import ALPHA, FEWEST, boundary, latest, sequence

SHARE = 0.1


def shop(rng, customers, *, effect=0.0, money=False):
    """Customers in the order in which they came due: outcome, and who is held out."""
    held = rng.random(customers) < SHARE
    retained = rng.random(customers) < 0.4 + effect * ~held
    return (retained * rng.lognormal(3.0, 1.0, customers) if money else retained.astype(float)), held


@pytest.mark.parametrize("money", [False, True])
def test_without_an_effect_looking_each_day_fools_nobody(money):
    """Each of 400 shops is looked at after every customer; the error may be that of 5% and some luck."""
    rng = np.random.default_rng(7)
    fooled = 0
    for _ in range(400):
        found = sequence(*shop(rng, 3_000, money=money), SHARE)
        fooled += bool(((found.low > 0.0) | (found.high < 0.0)).any())
    assert fooled / 400 <= ALPHA


def test_looking_each_day_at_a_fixed_interval_would_fool_many():
    rng = np.random.default_rng(7)
    fooled = 0
    for _ in range(100):
        found = sequence(*shop(rng, 3_000), SHARE)
        half = (found.high - found.lift) / boundary(np.arange(1.0, 3_001.0)) * 1.96
        fixed = half / np.sqrt(np.arange(1.0, 3_001.0))
        fooled += bool((np.abs(found.lift) > fixed).any())
    assert fooled / 100 > 3 * ALPHA


def test_a_real_effect_is_found_and_the_sequence_covers_it_at_every_look():
    rng = np.random.default_rng(7)
    covered, proven = 0, 0
    for _ in range(50):
        outcome, held = shop(rng, 20_000, effect=0.1)
        found = sequence(outcome, held, SHARE)
        covered += bool(((found.low <= 0.1) & (found.high >= 0.1)).all())
        proven += latest(outcome, held, SHARE).proven
    assert covered >= 47
    assert proven >= 45


def test_harm_is_found_too():
    found = latest(*shop(np.random.default_rng(7), 20_000, effect=-0.15), SHARE)
    assert found.proven
    assert found.high < 0.0


def test_hand_computed_scores():
    outcome, held = np.array([1.0, 0.0, 1.0]), np.array([False, True, False])
    # 1 / .5; then 1 - 0 - (0 - 0) / .5 as the treated mean is 1; then 1 - 0 + (1 - 1) / .5
    assert sequence(outcome, held, 0.5).lift == pytest.approx([2.0, 1.5, 4.0 / 3.0])


def test_few_customers_prove_nothing():
    outcome, held = np.ones(200), np.zeros(200, dtype=bool)
    held[: FEWEST - 1] = True
    found = latest(outcome * ~held, held, SHARE)
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert not found.proven


def test_nobody_yet_has_no_lift():
    found = latest(np.array([]), np.array([], dtype=bool), SHARE)
    assert math.isnan(found.lift)
    assert not found.proven


@settings(max_examples=25)
@given(seed=st.integers(0, 1_000), scale=st.floats(0.1, 1_000.0))
def test_the_unit_of_money_does_not_matter(seed, scale):
    outcome, held = shop(np.random.default_rng(seed), 1_000, money=True)
    one, other = sequence(outcome, held, SHARE), sequence(outcome * scale, held, SHARE)
    assert other.low == pytest.approx(one.low * scale)


def test_the_sequence_is_wider_than_an_interval_for_one_look():
    counts = np.array([100.0, 1_000.0, 10_000.0])
    assert (boundary(counts) > 1.96 / np.sqrt(counts)).all()
    assert (np.diff(boundary(counts)) < 0.0).all()
