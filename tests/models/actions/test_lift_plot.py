"""The picture of the lift."""

import numpy as np

from models.actions.cohort import Cohort
from models.actions.lift_plot import drawn


def texts(customers: int) -> list[str]:
    due, marks = np.arange(float(customers)), np.arange(customers) % 5 == 0
    figure = drawn(Cohort(due, (due % 2), due % 7, marks), 0.2)
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_before_there_are_enough_customers_it_says_so():
    assert [text[:9] for text in texts(0)] == ["too early"] * 2
    assert [text[:9] for text in texts(100)] == ["too early"] * 2


def test_with_enough_customers_there_is_a_line():
    assert texts(2_000) == []
