"""Stages relative to the customer's own rhythm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.customer import Stage
from features import profile
from features.lifecycle import pace, stage
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
