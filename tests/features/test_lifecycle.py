"""Stages relative to the customer's own rhythm and to the churn curve."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.customer import Stage
from features import profile
from features.lifecycle import AT_RISK, RELIEVED, pace, stage
from features.signals.testing import order

DAY = 86_400.0


def stage_of(days, now, first=19_000):
    state = profile.new_state()
    for day in days:
        profile.update(state, order(day=first + day, revenue=10.0))
    return stage(profile.named(profile.vector(state, (first + now) * DAY)))


WEEKLY = range(0, 200, 7)


@pytest.mark.parametrize(
    ("days", "now", "expected"),
    [
        ([], 0, Stage.NEW),
        ([0], 10, Stage.NEW),
        ([0, 20], 30, Stage.NEW),
        ([0, 10, 20, 30], 35, Stage.ACTIVE),
        (WEEKLY, 200, Stage.LOYAL),
        (WEEKLY, 196 + 20, Stage.SLIPPING),
        (WEEKLY, 196 + 45, Stage.DORMANT),
        (WEEKLY, 196 + 120, Stage.LOST),
        ([0], 300, Stage.LOST),
        ([*range(0, 100, 10), 290], 291, Stage.WON_BACK),
        ([0, 325], 326, Stage.WON_BACK),
        ([0, 325, 332], 333, Stage.ACTIVE),
    ],
)
def test_a_stage_follows_from_the_customers_own_gaps(days, now, expected):
    assert stage_of(days, now) is expected


def test_the_same_silence_says_more_of_a_frequent_customer():
    assert stage_of(range(0, 200, 7), 196 + 30) is Stage.SLIPPING
    assert stage_of(range(0, 200, 30), 180 + 30) is Stage.ACTIVE


@given(st.lists(st.integers(0, 300), min_size=1, max_size=30), st.integers(0, 400))
def test_silence_never_brings_a_customer_nearer(days, silence):
    rank = {Stage.SLIPPING: 1, Stage.DORMANT: 2, Stage.LOST: 3}
    ordered = sorted(days)
    sooner, later = (stage_of(ordered, ordered[-1] + wait) for wait in (silence, silence + 30))
    assert rank.get(later, 0) >= rank.get(sooner, 0)


def test_few_gaps_are_drawn_towards_a_month():
    assert pace(gaps=1.0, days=3.0) == pytest.approx(21.0)
    assert pace(gaps=300.0, days=300.0) == 7.0


def values_of(days, now):
    state = profile.new_state()
    for day in days:
        profile.update(state, order(day=day, revenue=10.0))
    return profile.named(profile.vector(state, now * DAY))


def test_who_was_loyal_stays_so_until_two_days_with_an_order_are_missing():
    for orders, expected in ((10, Stage.LOYAL), (9, Stage.LOYAL), (8, Stage.LOYAL), (7, Stage.ACTIVE)):
        days = range(1_000, 1_000 + orders * 30, 30)
        assert stage(values_of(days, days[-1] + 5), previous=Stage.LOYAL) is expected


@pytest.mark.parametrize("previous", [Stage.ACTIVE, Stage.LOYAL, Stage.WON_BACK])
def test_nobody_who_was_further_is_new_again(previous):
    assert stage(values_of([1_000, 1_010], 1_012), previous=previous) is Stage.ACTIVE
    assert stage(values_of([1_000, 1_010], 1_012), previous=Stage.SLIPPING) is Stage.NEW


MONTHLY = range(1_000, 1_121, 30)
"""Five orders: a pace of 30 days."""


def after(silence, risk, previous=Stage.ACTIVE):
    """The stage of a monthly customer after days of silence."""
    return stage(values_of(MONTHLY, MONTHLY[-1] + silence), previous, lambda: risk)


@pytest.mark.parametrize(
    ("silence", "risk", "previous", "expected"),
    [
        (45, 1.49, Stage.ACTIVE, Stage.ACTIVE),
        (45, 1.5, Stage.ACTIVE, Stage.SLIPPING),
        (29, 100.0, Stage.ACTIVE, Stage.ACTIVE),
        (31, 1.5, Stage.ACTIVE, Stage.SLIPPING),
        (45, 1.2, Stage.SLIPPING, Stage.SLIPPING),
        (45, 1.19, Stage.SLIPPING, Stage.ACTIVE),
        (45, math.inf, Stage.LOYAL, Stage.SLIPPING),
        (61, 0.0, Stage.ACTIVE, Stage.SLIPPING),
        (121, 100.0, Stage.SLIPPING, Stage.DORMANT),
    ],
)
def test_who_is_overdue_slips_at_one_and_a_half_times_the_odds_of_the_base_and_recovers_under_1_2(
    silence, risk, previous, expected
):
    assert after(silence, risk, previous) is expected


@pytest.mark.parametrize("previous", ["", *Stage])
@pytest.mark.parametrize("silence", [0, 10, 31, 59, 61, 121, 241])
def test_where_nobody_can_tell_the_risk_the_curve_moves_nobody(silence, previous):
    by_rhythm = after(silence, 0.0, previous)
    stays = previous == Stage.SLIPPING and silence in (31, 59)
    assert after(silence, math.nan, previous) is (Stage.SLIPPING if stays else by_rhythm)


def test_the_risk_is_asked_only_of_who_is_overdue_and_not_yet_slipping_by_their_rhythm():
    asked = []
    for silence in (0, 29, 31, 59, 61, 121, 241):
        stage(values_of(MONTHLY, MONTHLY[-1] + silence), "", lambda day=silence: asked.append(day) or 1.0)
    stage(values_of([], 1_000), "", lambda: asked.append(None) or 1.0)
    assert asked == [31, 59]


@given(
    st.lists(st.floats(0.0, 5.0), min_size=1, max_size=30),
    st.integers(31, 60),
    st.sampled_from([Stage.ACTIVE, Stage.SLIPPING]),
)
def test_nobody_moves_twice_before_the_risk_crossed_from_one_limit_to_the_other(risks, silence, before):
    values, seen = values_of(MONTHLY, MONTHLY[-1] + silence), [before]
    for risk in risks:
        seen.append(stage(values, seen[-1], lambda risk=risk: risk))
    outside = [risk >= AT_RISK for risk in risks if not RELIEVED <= risk < AT_RISK]
    crossed = sum(one != other for one, other in pairwise([before is Stage.SLIPPING, *outside]))
    assert sum(one is not other for one, other in pairwise(seen)) == crossed


@given(st.integers(0, 400), st.floats(0.0, 100.0), st.sampled_from(["", *Stage]))
def test_the_curve_only_ever_brings_slipping_forward(silence, risk, previous):
    by_rhythm = after(silence, 0.0, previous)  # where nobody can tell, who is slipping stays so
    assert after(silence, risk, previous) in {by_rhythm, Stage.SLIPPING}
    if by_rhythm in {Stage.SLIPPING, Stage.DORMANT, Stage.LOST}:
        assert after(silence, risk, previous) is by_rhythm
