"""Plain conditions: what is judged without the library of CEL is judged as the library does."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.customer import Stage
from models import plain_conditions
from models.expressions import OF_CUSTOMER, Expression, Facts

SIGNALS = ("orders_total", "recency_days", "overdue_ratio")
NUMBERS = st.one_of(
    st.integers(-3, 3).map(str),
    st.integers(-(10**14), 10**14).map(str),
    st.floats(-3, 3).map(lambda value: f"{value:.3f}"),
)
OPERATORS = st.sampled_from([">=", "<=", ">", "<", "==", "!="])
NAMES = st.sampled_from([*(f"profile.{name}" for name in SIGNALS), "churn"])
STAGES = st.sampled_from([f"{quote}{stage}{quote}" for stage in Stage for quote in "\"'"])
TERMS = st.one_of(
    st.builds("{} {} {}".format, NAMES, OPERATORS, NUMBERS),
    st.builds("{}{}{}".format, NAMES, OPERATORS, NUMBERS),
    st.builds("stage == {}".format, STAGES),
    st.lists(STAGES, min_size=1, max_size=3).map(lambda stages: f"stage in [{', '.join(stages)}]"),
)
CONDITIONS = st.lists(TERMS, min_size=1, max_size=4).map(" && ".join)
VALUES = st.one_of(
    st.none(),
    st.integers(-3, 3).map(float),
    st.floats(-3, 3).map(lambda value: round(value, 3)),
    st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 1e14]),
)


@given(CONDITIONS, st.tuples(*[VALUES] * len(SIGNALS)), st.sampled_from(list(Stage)), VALUES)
def test_a_plain_condition_holds_where_the_library_says_so(text, values, stage, churn):
    known = {name: value for name, value in zip(SIGNALS, values, strict=True) if value is not None}
    quick, library = Expression(text, OF_CUSTOMER), Expression(f"({text})", OF_CUSTOMER)
    assert (quick.plain, library.plain) == (True, False)
    facts = Facts(known, stage=stage, churn=churn)
    assert quick.holds(facts) == library.holds(facts)


@pytest.mark.parametrize(
    "text",
    [
        "profile.orders_total >= 3 || churn > 0.5",
        "!(profile.orders_total >= 3)",
        "profile.orders_total + 1.0 >= 3.0",
        "profile.orders_total >= profile.orders_90d",
        "profile['orders_total'] >= 3",
        "profile.orders_total >= 3e2",
        "profile.orders_total >= 1234567890123456789",
        "3 <= profile.orders_total",
        "stage != 'new'",
        "has(profile.orders_total)",
        "context.city == 'Ulm'",
        "event.score >= 9",
        "stage == 'new' // a comment",
        "true",
        "",
    ],
)
def test_all_else_is_left_to_the_library(text):
    assert plain_conditions.read(text) is None
