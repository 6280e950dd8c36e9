"""How populations are compared, and what was said with what came."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.errors import ModelError
from models.drift.drift import BINS, calibration, describe, level, population, stability

NAMES = ("a", "b")


def drawn(seed, rows=4000, shift=0.0):
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(rows, 2))
    found[:, 0] += shift
    found[rng.random(rows) < 0.2, 1] = np.nan
    return found


def kept(matrix):
    """As it comes back from JSON."""
    return population(json.loads(json.dumps(describe(matrix, NAMES))))


def test_customers_like_those_trained_on_are_stable():
    found = stability(kept(drawn(1)), drawn(2), NAMES)
    assert max(found.values()) < 5 * BINS * (2 / 4000)
    assert {level(each) for each in found.values()} == {"stable"}


def test_a_signal_that_shifted_comes_first():
    found = stability(kept(drawn(1)), drawn(2, shift=1.0), NAMES)
    assert next(iter(found)) == "a"
    assert level(found["a"]) == "shifted"
    assert level(found["b"]) == "stable"


def test_values_that_went_missing_are_seen():
    today = drawn(2)
    today[:2000, 0] = np.nan
    assert level(stability(kept(drawn(1)), today, NAMES)["a"]) == "shifted"


def test_the_index_is_that_of_its_formula():
    then, now = np.array([[0.0]] * 60 + [[1.0]] * 40), np.array([[0.0]] * 30 + [[1.0]] * 70)
    found = stability(population(describe(then, ["a"])), now, ["a"])["a"]
    expected = (0.3 - 0.6) * math.log(0.3 / 0.6) + (0.7 - 0.4) * math.log(0.7 / 0.4)
    assert found == pytest.approx(expected, rel=0.1)  # half a customer more in each bin


def test_a_constant_signal_and_one_always_missing_are_stable():
    flat = np.column_stack([np.full(50, 3.0), np.full(50, np.nan)])
    assert all(index == pytest.approx(0.0) for index in stability(kept(flat), flat, NAMES).values())


@given(st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), min_size=1, max_size=60))
def test_a_population_is_stable_against_itself_and_its_shares_add_up(values):
    matrix = np.array([[value, value] for value in values])
    described = kept(matrix)
    assert sum(described.signals["a"].shares) == pytest.approx(1.0)
    assert stability(described, matrix, NAMES)["a"] == pytest.approx(0.0, abs=1e-9)


def test_a_description_that_is_none_is_refused():
    with pytest.raises(ModelError, match="expected shares by signal"):
        population({"rows": "many"})


def test_what_was_said_and_came_is_calibrated_and_what_did_not_is_off():
    rng = np.random.default_rng(3)
    said = rng.uniform(0.1, 0.9, 5000)
    assert not calibration("2025-01-01", rng.random(5000) < said, said).off
    late = calibration("2025-02-01", rng.random(5000) < said - 0.08, said)
    assert late.off
    assert late.seen - late.said == pytest.approx(-0.08, abs=0.02)


def test_the_interval_covers_in_nineteen_of_twenty_draws():
    rng = np.random.default_rng(4)
    said = rng.uniform(0.05, 0.6, 300)
    off = sum(calibration("", rng.random(300) < said, said).off for _ in range(1000))
    assert 25 <= off <= 80
