import math
from string import Formatter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.event import Event, Properties
from features import profile
from features.catalog import DESCRIPTIONS, NAMES
from models.explain import reasons as module
from models.explain.reasons import SENTENCES, UNKNOWN, reasons, sentence

DAY = 86_400.0
VALUES = dict.fromkeys(NAMES, 2.0)


def contributions(**by_name):
    return np.array([by_name.get(name, 0.0) for name in NAMES] + [-1.0])


def customer(*days):
    state = profile.new_state()
    for day in days:
        profile.update(state, Event(f"m{day}", "c", "Order Completed", day * DAY, Properties(revenue=10.0)))
    return state


def test_every_signal_of_the_catalog_has_a_sentence_and_no_other_has():
    assert set(SENTENCES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_sentence_is_readable(name):
    text = sentence(name, VALUES)
    assert text != sentence(name, VALUES | {name: math.nan})
    assert name not in text
    assert not set("{}_") & set(text)
    assert 10 < len(text) < 90


@pytest.mark.parametrize("name", NAMES)
def test_a_sentence_speaks_of_values_that_exist(name):
    fields = {field for _, field, _, _ in Formatter().parse(SENTENCES[name]) if field}
    assert fields
    assert fields <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_value_is_said_to_be_missing(name):
    text = sentence(name, dict.fromkeys(NAMES, math.nan))
    assert text in UNKNOWN.values() or text == f"{DESCRIPTIONS[name]}: not known"
    assert "nan" not in text


def test_a_signal_without_a_sentence_falls_back_on_its_description(monkeypatch):
    monkeypatch.delitem(SENTENCES, "tenure_days")
    assert sentence("tenure_days", VALUES) == f"{DESCRIPTIONS['tenure_days']}: 2"


def test_reasons_are_in_the_customers_own_terms():
    state = customer(0, 9, 18, 27)
    found = reasons(profile.vector(state, 58 * DAY), contributions(overdue_ratio=1.2, spend_30d=0.3))
    assert [reason.text for reason in found] == [
        "usually orders every 9 days, last order 31 days ago",
        "spent 0.00 in the last 30 days",
    ]
    assert found[0].signal == "overdue_ratio"
    assert found[0].value == pytest.approx(31 / 9)
    assert found[0].contribution == pytest.approx(1.2)


def test_values_of_one_story_are_told_once_with_their_sum():
    found = reasons(
        list(VALUES.values()), contributions(recency_days=0.5, orders_decayed_1d=0.7, gap_mean_days=0.9)
    )
    assert [(reason.signal, round(reason.contribution, 6)) for reason in found] == [
        ("orders_decayed_1d", 1.2),
        ("gap_mean_days", 0.9),
    ]


def test_a_safe_customer_gets_the_reasons_that_lower_the_risk():
    found = reasons(
        list(VALUES.values()), contributions(recency_days=-2.0, tenure_days=0.5, spend_total=-0.1)
    )
    assert [(reason.signal, reason.contribution) for reason in found] == [
        ("recency_days", -2.0),
        ("spend_total", -0.1),
    ]


@given(st.lists(st.floats(-3, 3), min_size=len(NAMES) + 1, max_size=len(NAMES) + 1), st.integers(0, 5))
def test_reasons_are_few_of_one_direction_and_strongest_first(weights, most):
    found = reasons(list(VALUES.values()), np.array(weights), most)
    assert len(found) <= most
    assert len({math.copysign(1, reason.contribution) for reason in found}) <= 1
    strengths = [abs(reason.contribution) for reason in found]
    assert strengths == sorted(strengths, reverse=True)
    assert len({module._STORY[reason.signal] for reason in found}) == len(found)


def test_a_newcomer_has_reasons_too():
    vector = profile.vector(profile.new_state(), 0.0)
    found = reasons(vector, contributions(orders_decayed_1d=1.0, orders_trend_30d=0.2))
    assert [reason.text for reason in found] == ["has not ordered yet", UNKNOWN["trend"]]


@pytest.mark.parametrize(
    ("trend", "words"),
    [
        (-1.0, "none, against some in"),
        (1.0, "some, against none in"),
        (0.0, "much as in"),
        (-1 / 3, "50% below"),
    ],
)
def test_a_trend_is_put_as_a_comparison(trend, words):
    text = sentence("orders_trend_30d", VALUES | {"orders_trend_30d": trend})
    assert text == f"orders in the last 30 days are {words} the 3 months before"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("sessions_7d", 0.0, "no visits in the last 7 days"),
        ("sessions_7d", 1.0, "1 visit in the last 7 days"),
        ("active_days_30d", 0.0, "active on no day of the last 30"),
        ("cart_age_hours", 0.2, "last put something into the open cart less than an hour ago"),
        ("renewal_days", 3.0, "the renewal date of the subscription is in 3 days"),
        ("renewal_days", -3.0, "the renewal date of the subscription is 3 days ago"),
        ("best_channel", 1.0, "answers best on push"),
        ("best_hour", 25.0, "answers most around Tuesday 1:00 UTC"),
        ("sentiment_last", -0.4, "the last thing they wrote sounds negative"),
        ("sentiment_last", 0.01, "the last thing they wrote sounds neutral"),
        ("brand_entropy", math.log(3), "interest spread as over 3 brands"),
        ("subscribed", 0.0, "has a running subscription: no"),
        ("email_clicked", 4.0, "clicked 4 of 2 emails"),
    ],
)
def test_a_number_is_said_as_people_say_it(name, value, text):
    assert sentence(name, VALUES | {name: value}) == text


def test_every_kind_of_number_is_known_and_another_is_refused():
    with pytest.raises(ValueError, match="expected a kind of number, found 'furlongs'"):
        module._WORDS.vformat("{x:furlongs}", (), {"x": 1.0})


def test_a_story_of_its_own_or_a_file_says_what_is_missing():
    assert set(UNKNOWN) <= set(module._STORY.values())
