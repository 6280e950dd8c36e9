"""Arbitration takes what is worth most, tries the others by a known chance, and excludes by rule."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.action import NOTHING, Action
from models.actions.arbitration import HELD_OUT, arbitrate, expected_value, ranked
from models.actions.exploration import ALWAYS_BEST

EMAIL = Action(id="email", channel="email", message="Hi", response=0.1, value=20.0, cost=0.5)
CALL = Action(id="call", channel="call", message="Ring", response=0.2, value=50.0, cost=20.0, retains=True)
ALL = (NOTHING, EMAIL, CALL)


def arbitrated(rules=(None, None, None), churn=0.5, gamma=ALWAYS_BEST, id_="d1", **more):
    responses = [action.response for action in ALL]
    return arbitrate(
        list(zip(ALL, rules, strict=True)), responses, churn, gamma=gamma, decision_id=id_, **more
    )


def test_the_value_is_response_times_value_times_churn_less_the_cost():
    assert expected_value(EMAIL, 0.1, 0.2) == pytest.approx(0.1 * 20 * 0.8 - 0.5)
    assert expected_value(CALL, 0.2, 0.9) == pytest.approx(0.2 * 50 * 0.9 - 20)
    assert expected_value(EMAIL, 0.1, None) == pytest.approx(0.1 * 20 * 0.5 - 0.5)


def test_the_best_is_taken_and_what_costs_more_than_it_brings_is_not():
    candidates, chosen = arbitrated()
    assert chosen == "email"
    assert [one.propensity for one in candidates] == [0.0, 1.0, 0.0]
    _, chosen = arbitrated(rules=(None, "quiet hours: 21:00 to 08:00", None))
    assert chosen == "none"


def test_an_excluded_action_keeps_its_rule_and_is_never_taken():
    candidates, _ = arbitrated(rules=(None, "stage: for new", None), gamma=1.0)
    assert [one.excluded for one in candidates] == [None, "stage: for new", None]
    assert candidates[1].propensity == 0.0
    assert sum(one.propensity for one in candidates) == pytest.approx(1.0)


def test_a_customer_held_out_gets_nothing_and_an_earlier_rule_stays():
    candidates, chosen = arbitrated(rules=(None, None, "stage: for new"), holdout=True, gamma=0.0)
    assert chosen == "none"
    assert [one.excluded for one in candidates] == [None, HELD_OUT, "stage: for new"]
    assert candidates[0].propensity == 1.0


def test_each_action_is_taken_as_often_as_its_propensity_says():
    candidates, _ = arbitrated(gamma=3.0)
    taken = [arbitrated(gamma=3.0, id_=f"d{n}")[1] for n in range(5_000)]
    for one in candidates:
        spread = math.sqrt(one.propensity * (1 - one.propensity) / 5_000)
        assert taken.count(one.id) / 5_000 == pytest.approx(one.propensity, abs=4 * spread)


@given(
    st.lists(st.floats(-1, 1), min_size=3, max_size=3),
    st.lists(st.sampled_from([None, "cap: 1 per 7 days on sms"]), min_size=2, max_size=2),
    st.none() | st.floats(0, 1),
    st.floats(0, 1000),
    st.text(),
)
def test_propensities_add_up_and_what_is_taken_is_allowed(responses, rules, churn, gamma, id_):
    judged = list(zip(ALL, [None, *rules], strict=True))
    candidates, chosen = arbitrate(judged, responses, churn, gamma=gamma, decision_id=id_)
    assert sum(one.propensity for one in candidates) == pytest.approx(1.0)
    [taken] = [one for one in candidates if one.id == chosen]
    assert taken.excluded is None
    assert taken.propensity > 0
    assert arbitrate(judged, responses, churn, gamma=gamma, decision_id=id_) == (candidates, chosen)


def test_the_one_taken_stands_first_and_the_others_by_value():
    candidates, _ = arbitrated(gamma=3.0, churn=0.0)
    messages = {action.id: action.message for action in ALL}
    found = ranked(candidates, "none", messages.__getitem__, lambda _: "now", limit=5)
    assert [one.id for one in found] == ["none", "email", "call"]
    assert [one.message for one in ranked(candidates, "call", messages.__getitem__, str, limit=2)] == [
        "Ring",
        "Hi",
    ]
    assert found[0].propensity == candidates[0].propensity
