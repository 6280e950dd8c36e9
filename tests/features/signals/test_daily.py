"""Sums per day."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.signals.daily import SPANS, Daily, cuts, day_of

entries = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 9)), max_size=60)


def summed(given_entries, keep=1000):
    daily = Daily()
    for day, amount in given_entries:
        daily.add(day, amount, keep)
    return daily


@given(entries, st.sampled_from([1, 7, 30, 90, 365]), st.integers(0, 800))
def test_a_window_is_today_and_the_days_before(given_entries, span, today):
    windows = dict(zip((1, 7, 30, 90, 365), summed(given_entries).windows(today)[:5], strict=True))
    assert windows[span] == sum(amount for day, amount in given_entries if today - span < day <= today)


@given(entries, st.integers(0, 800))
def test_a_trend_is_the_difference_of_two_rates_over_their_sum(given_entries, today):
    *_, trend_7d, trend_30d = summed(given_entries).windows(today)
    for trend, recent, before in ((trend_7d, 7, 28), (trend_30d, 30, 90)):
        rate = sum(a for day, a in given_entries if today - recent < day <= today) / recent
        past = sum(a for day, a in given_entries if today - recent - before < day <= today - recent) / before
        expected = (rate - past) / (rate + past) if rate + past else math.nan
        assert trend == pytest.approx(expected, nan_ok=True)


@given(entries, st.integers(0, 800))
def test_the_days_of_a_window_are_counted_once_each(given_entries, today):
    daily = summed(given_entries)
    end, *found = cuts(daily.days, today)
    days = {day for day, _ in given_entries}
    expected = [sum(today - span < day <= today for day in days) for span in SPANS]
    assert [end - cut for cut in found] == expected


@given(entries, st.integers(1, 50))
def test_no_more_days_are_held_than_are_kept_and_none_too_early_is_lost(given_entries, keep):
    daily = summed(given_entries, keep)
    newest = max((day for day, _ in given_entries), default=0)
    assert len(daily.days) <= keep
    assert daily.days == sorted(set(daily.days))
    assert sum(daily.sums) == sum(a for day, a in given_entries if day > newest - keep)


def test_a_day_begins_at_midnight_utc():
    assert day_of(1_700_006_399.999) + 1 == day_of(1_700_006_400.0)
