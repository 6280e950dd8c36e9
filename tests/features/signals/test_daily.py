"""Sums per day."""

from hypothesis import given
from hypothesis import strategies as st

from features.signals.daily import Daily, day_of

entries = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 9)), max_size=60)


@given(entries, st.integers(1, 120), st.integers(0, 420))
def test_a_trailing_sum_equals_the_sum_of_the_entries_in_the_window(given_entries, window, today):
    daily = Daily()
    for day, amount in given_entries:
        daily.add(day, amount, keep=1000)
    expected = sum(amount for day, amount in given_entries if today - window < day <= today)
    assert daily.trailing(window, today) == expected


@given(entries, st.integers(1, 50))
def test_no_more_days_are_held_than_are_kept_and_none_too_early_is_lost(given_entries, keep):
    daily = Daily()
    for day, amount in given_entries:
        daily.add(day, amount, keep=keep)
    newest = max((day for day, _ in given_entries), default=0)
    assert len(daily.days) <= keep
    assert daily.days == sorted(set(daily.days))
    assert daily.trailing(keep, newest) == sum(a for day, a in given_entries if day > newest - keep)


def test_a_day_begins_at_midnight_utc():
    assert day_of(1_700_006_399.999) + 1 == day_of(1_700_006_400.0)
