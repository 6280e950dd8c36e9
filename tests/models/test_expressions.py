"""Conditions in CEL: what they read, when they hold, and an error in words for each fault."""

import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.customer import Stage
from ebbtide.errors import ConfigError
from features.catalog import NAMES
from models.expressions import LONGEST, OF_CUSTOMER, Expression, Facts, share


def holds(text: str, **facts) -> bool:
    values = facts.pop("values", {})
    return Expression(text, OF_CUSTOMER).holds(Facts(values, **{"stage": "new", **facts}))


def fault(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        Expression(text, OF_CUSTOMER)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("profile.orders_total > 3", {"values": {"orders_total": 4.0}}),
        ("profile['orders_total'] == 4.0", {"values": {"orders_total": 4.0}}),
        ("stage in ['slipping', \"dormant\"]", {"stage": Stage.SLIPPING}),
        ("churn >= 0.6", {"churn": 0.6}),
        ("context.city == 'Ulm'", {"context": {"city": "Ulm"}}),
        ("context.basket.exists(line, line == 'tea')", {"context": {"basket": ["tea"]}}),
        ("stage == 'new' // 'slippin' is no stage, but this is a comment", {}),
        ("'profile.nothing' != stage", {}),
    ],
)
def test_a_condition_reads_signals_stage_churn_and_context(text, facts):
    assert holds(text, **facts)


@pytest.mark.parametrize("unknown", [{}, {"orders_total": math.nan}])
def test_what_is_not_known_makes_no_condition_hold_that_needs_it(unknown):
    for text in ("profile.orders_total > 3", "profile.orders_total <= 3", "!(profile.orders_total > 3)"):
        assert not holds(text, values=unknown)
    assert holds("profile.orders_total > 3 || stage == 'new'", values=unknown)
    assert holds("!has(profile.orders_total)", values=unknown)
    assert not holds("profile.orders_total != 3.0", values=unknown)


@pytest.mark.parametrize("churn", [None, math.nan])
def test_without_a_model_no_condition_on_churn_holds(churn):
    assert not holds("churn > 0.5", churn=churn)
    assert not holds("churn <= 0.5", churn=churn)
    assert holds("churn > 0.5 || stage == 'new'", churn=churn)


def test_a_context_of_another_type_makes_the_condition_false_and_nothing_worse():
    for city in ([1], {"a": 1}, None, "\ud800"):
        assert not holds("context.city > 3", context={"city": city})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "profile.orders_totl > 3",
            "expected a signal, found profile.orders_totl; did you mean 'orders_total'?",
        ),
        ("chrn > 0.5", "found the name 'chrn'; did you mean 'churn'?"),
        ("event.name == 'x'", "found the name 'event'"),
        ("stage == 'slippin'", "found 'slippin'; did you mean 'slipping'?"),
        ("stage in ['new', 'gone']", "found 'gone'"),
        ("profile.orders_total >", "expected CEL, found mismatched input '<EOF>' (line 1, column"),
        ("profile.orders_total", "expected what is true or false, found 0.0"),
        ("profile.orders_total + 1 > 2", "expected what can be reckoned, found Unsupported operation"),
        ("profile.orders_total + 1 > 2", "; signals are doubles: reckon with 1.0 and not with 1"),
        ("profile == 1", "expected `profile.NAME`, found 'profile' alone"),
        ("lower(stage) == 'new'", "expected a function of CEL, found 'lower'"),
        ("stage.matches('[')", "'[' not a valid regex"),
        ("stage == 'new' " + " " * LONGEST, "expected at most 2,000 letters"),
        ("(" * 500 + "true" + ")" * 500, "expected CEL"),
        ("", "expected CEL"),
    ],
)
def test_each_fault_is_told_in_words(text, told):
    assert told in fault(text)


def test_all_names_that_are_wrong_are_told_together():
    told = fault("profile.foo > 1.0 && profile.bar > 1.0 && baz && stage == 'qux'")
    assert all(name in told for name in ("profile.foo", "profile.bar", "'baz'", "'qux'"))


def test_more_names_may_be_allowed():
    allowed = {**OF_CUSTOMER, "event": ("name", "properties")}
    bought = Expression("event.name == 'Order Completed' && event.properties.revenue > 10", allowed)
    assert bought.holds(
        Facts({}, stage="new", event={"name": "Order Completed", "properties": {"revenue": 12.5}})
    )
    assert not bought.holds(Facts({}, stage="new"))
    with pytest.raises(ConfigError, match=r"found event\.nam; did you mean 'name'"):
        Expression("event.nam == 'x'", allowed)


@given(st.dictionaries(st.sampled_from(NAMES), st.floats(), max_size=5), st.sampled_from(Stage), st.floats())
def test_judging_many_in_one_context_changes_no_answer(values, stage, churn):
    texts = ["profile.orders_total > 1", "profile.recency_days < 7.5 || churn > 0.5", "stage == 'new'"]
    alone, together = ([Expression(text, OF_CUSTOMER) for text in texts] for _ in range(2))
    share(together)
    facts = Facts(values, stage=stage, churn=churn)
    assert [each.holds(facts) for each in alone] == [each.holds(facts) for each in together]


def test_one_value_that_cannot_be_read_spoils_no_other_condition():
    odd, fine = (Expression(text, OF_CUSTOMER) for text in ("context.a == 1", "stage == 'new'"))
    share([odd, fine])
    facts = Facts({}, stage="new", context={"a": "\ud800"})
    assert (odd.holds(facts), fine.holds(facts)) == (False, True)


def test_the_librarys_command_line_is_not_loaded():
    code = (
        "import sys, models.expressions; print([m for m in ('typer', 'prompt_toolkit') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
