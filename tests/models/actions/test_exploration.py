from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.actions.exploration import ALWAYS_BEST, choose, inverse_gap, normalised

VALUES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20)


@given(values=VALUES, gamma=st.floats(0.0, 1e6))
def test_every_action_has_a_chance_and_chances_add_up_to_one(values: list[float], gamma: float) -> None:
    found = inverse_gap(values, gamma)
    assert all(chance > 0.0 for chance in found)
    assert sum(found) == pytest.approx(1.0)


@given(values=VALUES, gamma=st.floats(0.0, 1e6))
def test_what_brings_more_is_never_tried_less(values: list[float], gamma: float) -> None:
    ordered = sorted(zip(values, inverse_gap(values, gamma), strict=True))
    assert all(chance <= better + 1e-12 for (_, chance), (_, better) in pairwise(ordered))


@given(values=VALUES)
def test_gamma_zero_tries_all_alike_and_infinity_only_the_best(values: list[float]) -> None:
    assert inverse_gap(values, 0.0) == pytest.approx([1.0 / len(values)] * len(values))
    certain = inverse_gap(values, ALWAYS_BEST)
    assert sorted(certain) == [0.0] * (len(values) - 1) + [1.0]
    assert values[certain.index(1.0)] == max(values)


def test_hand_computed_chances() -> None:
    assert inverse_gap([0.0, 0.5, 1.0], 10.0) == pytest.approx([1 / 13, 1 / 8, 1 - 1 / 13 - 1 / 8])


@given(values=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_normalised_values_lie_between_zero_and_one_in_the_same_order(values: list[float]) -> None:
    found = normalised(values)
    assert all(0.0 <= value <= 1.0 for value in found)
    assert sorted(range(len(values)), key=lambda place: (values[place], place)) == sorted(
        range(len(found)), key=lambda place: (found[place], values[place], place)
    )


@given(values=VALUES, seed=st.text())
def test_a_seed_draws_the_same_again_and_never_what_has_no_chance(values: list[float], seed: str) -> None:
    chances = inverse_gap(values, ALWAYS_BEST)
    assert choose(chances, seed) == choose(chances, seed)
    assert chances[choose(chances, seed)] == 1.0


def test_seeds_draw_as_often_as_the_chances_say() -> None:
    chances = [0.1, 0.6, 0.3]
    drawn = [choose(chances, f"decision-{number}") for number in range(20_000)]
    shares = [drawn.count(place) / len(drawn) for place in range(3)]
    assert shares == pytest.approx(chances, abs=0.012)  # more than three standard errors
