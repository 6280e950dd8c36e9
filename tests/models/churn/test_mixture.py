"""Who is listened to among several experts."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.churn.mixture import SHARE, TRUST, Mixture

PROBABILITY = st.floats(0.01, 0.99)
ROUNDS = st.lists(st.tuples(PROBABILITY, PROBABILITY, PROBABILITY, st.booleans()), min_size=1, max_size=60)


def losses(rounds):
    """The total log loss of the mixture, and of each expert."""
    mixture, mixed, alone = Mixture(3), 0.0, [0.0, 0.0, 0.0]
    mixture.judged = True
    for *said, churned in rounds:
        given = [p if churned else 1 - p for p in (mixture.mix(said), *said)]
        mixed -= math.log(given[0])
        alone = [total - math.log(p) for total, p in zip(alone, given[1:], strict=True)]
        mixture.learn(said, churned)
    return mixed, alone


@given(ROUNDS)
def test_it_loses_no_more_to_any_expert_than_that_ones_share_at_the_start_allows(rounds):
    mixed, alone = losses(rounds)
    shared = -len(rounds) * math.log(1 - SHARE)  # what sharing costs
    starts = (TRUST, (1 - TRUST) / 2, (1 - TRUST) / 2)
    for start, total in zip(starts, alone, strict=True):
        assert mixed <= total - math.log(start) + shared + 1e-9


def test_before_a_label_tells_the_experts_apart_the_first_speaks_alone():
    mixture = Mixture(2)
    mixture.learn([0.3, 0.3], churned=True)
    assert mixture.mix([0.3, 0.9]) == 0.3
    mixture.learn([0.3, 0.4], churned=True)
    assert mixture.mix([0.3, 0.9]) > 0.3


@given(ROUNDS)
def test_the_weights_add_up_to_one(rounds):
    mixture = Mixture(3)
    for *said, churned in rounds:
        mixture.learn(said, churned)
    assert sum(mixture.weights) == pytest.approx(1.0)
    assert min(mixture.weights) > 0.0


def test_the_best_expert_may_change():
    mixture = Mixture(2)
    for _ in range(50):
        mixture.learn([0.5, 0.9], churned=True)
    assert mixture.weights[1] > 0.99
    for _ in range(50):
        mixture.learn([0.5, 0.9], churned=False)
    assert mixture.weights[0] > 0.99


def test_after_a_reset_the_first_is_trusted_again():
    mixture = Mixture(2)
    for _ in range(50):
        mixture.learn([0.5, 0.9], churned=True)
    mixture.reset()
    assert mixture.weights == pytest.approx([TRUST, 1 - TRUST])
