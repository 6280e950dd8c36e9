"""The products that a customer keeps buying."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.signals import repertoire
from features.signals.testing import order

DAY = 86_400.0
NOW = 19_400
names = st.integers(0, 300).map(str)
histories = st.lists(
    st.tuples(st.integers(19_000, NOW), st.sets(names, min_size=1, max_size=30)), min_size=1, max_size=12
)


def after(orders):
    state = repertoire.State()
    for day, products in orders:
        repertoire.update(state, order(day, products=dict.fromkeys(products, 1)))
    return state


@given(histories)
def test_up_to_64_products_are_told_exactly_with_their_weights(orders):
    bought = {product for _, products in orders for product in products}
    state = after(orders)
    distinct, _ = repertoire.value(state, NOW * DAY)
    held = repertoire.held(state, NOW * DAY)
    if len(bought) <= 64:
        assert distinct == len(bought)
        assert len(held) == min(len(bought), 32)
        for product, weight, last in held:
            days = [day for day, products in orders if product in products]
            assert weight == pytest.approx(sum(2 ** ((day - NOW) / 90) for day in days))
            assert last == max(days) * DAY
    else:
        assert distinct == pytest.approx(len(bought), rel=0.15)
        assert len(held) == 32


@given(st.integers(0, 100), st.integers(65, 200))
def test_which_of_equal_products_are_let_go_does_not_depend_on_the_order_of_the_lines(seed, count):
    products = [str(number) for number in range(count)]
    shuffled = Random(seed).sample(products, count)
    left, right = after([(NOW, products)]), after([(NOW, shuffled)])
    assert set(left.products) == set(right.products)
    assert len(left.products) == 32


@given(histories, histories)
def test_two_repertoires_that_merge_know_all_products_of_both(mine, its):
    state, other = after(mine), after(its)
    repertoire.merge(state, other)
    whole = after(mine + its)
    assert repertoire.value(state, 0.0)[0] == repertoire.value(whole, 0.0)[0]
    assert state.lines == whole.lines
