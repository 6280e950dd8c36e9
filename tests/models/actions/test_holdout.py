"""The hold-out is a stable share of customers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.actions.holdout import held_out


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5])
def test_it_has_the_share_asked_for(share: float):
    found = sum(held_out(f"c{n}", share) for n in range(20_000)) / 20_000
    assert found == pytest.approx(share, abs=4 * (share * (1 - share) / 20_000) ** 0.5)


@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_holds_out_those_of_a_smaller_one(customer: str, one: float, other: float):
    assert held_out(customer, min(one, other)) <= held_out(customer, max(one, other))
