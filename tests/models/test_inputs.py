"""What the linear partner sees: scaled logarithms, marks of the missing, products."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.inputs import FURTHEST, FURTHEST_CROSSED, Inputs, scale_of

SIGNALS = 4
CROSSED = (2, 0)
values = st.one_of(st.floats(-1e9, 1e9), st.just(float("nan")))
matrices = arrays(np.float64, st.tuples(st.integers(1, 20), st.just(SIGNALS)), elements=values)


@given(matrices)
def test_one_row_is_seen_as_among_many(matrix):
    inputs = Inputs(scale_of(matrix), CROSSED)
    many = inputs(matrix)
    assert many.shape == (len(matrix), inputs.width)
    assert all((inputs(row) == seen).all() for row, seen in zip(matrix, many, strict=True))


@given(matrices)
def test_nothing_is_odder_than_its_bound_and_the_missing_are_at_the_centre_with_a_mark(matrix):
    before = matrix.copy()
    found = Inputs(scale_of(matrix), CROSSED)(matrix)
    scaled, marks, products = np.split(found, [SIGNALS, 2 * SIGNALS], axis=1)
    assert (np.abs(scaled) <= FURTHEST).all()
    assert (np.abs(products) <= FURTHEST_CROSSED**2).all()
    assert ((marks == 1.0) == np.isnan(matrix)).all()
    assert (scaled[np.isnan(matrix)] == 0.0).all()
    assert np.array_equal(matrix, before, equal_nan=True)


def test_products_are_of_each_crossed_signal_with_itself_and_the_later_ones():
    matrix = np.random.default_rng(1).gamma(1.0, 10.0, (50, SIGNALS))
    found = Inputs(scale_of(matrix), CROSSED)(matrix)
    first, second = np.clip(found[:, CROSSED], -FURTHEST_CROSSED, FURTHEST_CROSSED).T
    assert found[:, 2 * SIGNALS :] == pytest.approx(np.column_stack([first**2, first * second, second**2]))


def test_terms_add_up_by_signal_and_those_of_a_product_are_shared():
    inputs = Inputs(scale_of(np.eye(SIGNALS)), CROSSED)
    terms = np.zeros(inputs.width)
    terms[[1, SIGNALS + 1, 2 * SIGNALS, 2 * SIGNALS + 1]] = 1.0, 2.0, 4.0, 8.0
    assert inputs.by_signal(terms).tolist() == [4.0, 3.0, 8.0, 0.0]
