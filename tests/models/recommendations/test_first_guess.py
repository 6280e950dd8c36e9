"""The first guess: it finds what speaks for a product in few rows, and is calibrated in many."""

import json

import numpy as np
import pytest
from scipy.special import expit

from models.recommendations import first_guess
from models.recommendations.first_guess import HABIT, SHOPPING, SPEAKING, FirstGuess

NAMES = ("count", *HABIT, *SPEAKING, *(f"customer_{name}" for name in SHOPPING))


def rows(count, seed=1):
    """Candidates, half of them new; those of a high `ease` are bought, and all else is noise."""
    rng = np.random.default_rng(seed)
    values = rng.gamma(1.0, 1.0, (count, len(NAMES))).astype(np.float32)
    new = np.arange(count) % 2 == 0
    values[np.ix_(new, np.arange(1 + len(HABIT)))] = np.nan
    chance = expit(2.0 * np.log(values[:, NAMES.index("ease")] + 0.05) - 2.0)
    return values, rng.random(count) < chance, chance


def learned(values, bought, weight=None):
    return FirstGuess(NAMES, values, bought, np.ones(len(bought)) if weight is None else weight)


def test_of_few_rows_those_with_what_speaks_for_them_are_likelier():
    guess = learned(*rows(300)[:2])
    values, _, chance = rows(2_000, seed=2)
    assert np.corrcoef(guess.log_odds(values), np.log(chance / (1.0 - chance)))[0, 1] > 0.8


@pytest.mark.parametrize("most", [first_guess.MOST, 2_000])
def test_what_it_says_is_as_likely_as_it_happens_however_few_rows_are_drawn(monkeypatch, most):
    monkeypatch.setattr(first_guess, "MOST", most)
    values, bought, _ = rows(20_000)
    kept = bought | (np.random.default_rng(3).random(len(bought)) < 0.4)
    guess = learned(values[kept], bought[kept], np.where(bought[kept], 1.0, 2.5))
    assert expit(guess.log_odds(values)).mean() == pytest.approx(bought.mean(), abs=0.015)


def test_what_is_printed_is_the_formula():
    values, bought, _ = rows(500)
    guess = learned(values, bought)
    told = json.loads(json.dumps(guess.public()))
    value = {name: values[1, place] for place, name in enumerate(NAMES)}
    terms = {f"had {name}": np.log(value[name] / told["units"][name] + 0.05) for name in SPEAKING}
    terms |= {f"new {name}": 0.0 for name in SPEAKING} | {"new": 0.0}
    terms |= {name: np.log1p(value[name]) for name in HABIT}
    terms |= {name: np.log1p(value[f"customer_{name}"]) for name in SHOPPING}
    parts = [
        of["weight"] * (terms[name] - of["mean"]) / of["deviation"] for name, of in told["terms"].items()
    ]
    assert told["intercept"] + sum(parts) == pytest.approx(guess.log_odds(values[1:2])[0], rel=1e-5)


def test_of_no_rows_it_says_nothing():
    values, bought, _ = rows(300)
    assert learned(values, bought).log_odds(values[:0]).shape == (0,)
