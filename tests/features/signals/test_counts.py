"""Counts per day."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.signals.counts import Counts
from features.signals.daily import YEAR, Daily

entries = st.lists(st.tuples(st.integers(0, 900), st.integers(-3, 9)), max_size=60)


def counted(given_entries):
    counts = Counts()
    for day, amount in given_entries:
        counts.add(day, amount)
    return counts


@given(entries, st.integers(0, 1400))
def test_the_windows_are_those_of_the_sums_per_day(given_entries, today):
    daily = Daily()
    for day, amount in given_entries:
        daily.add(day, amount)
    assert counted(given_entries).windows(today) == pytest.approx(daily.windows(today), nan_ok=True)


@given(entries)
def test_the_total_knows_all_that_ever_happened_in_whatever_order(given_entries):
    counts = counted(given_entries)
    assert counts.total == sum(amount for _, amount in given_entries)
    assert counts == counted(sorted(given_entries))


@given(entries)
def test_no_more_than_a_year_of_days_is_kept(given_entries):
    counts = counted(given_entries)
    newest = max((day for day, _ in given_entries), default=0)
    assert counts.days == sorted({day for day, _ in given_entries if day > newest - YEAR})
    assert len(counts.totals) == len(counts.days) + 1


@given(entries, entries)
def test_two_merged_are_those_of_all(mine, its):
    counts, other = counted(mine), counted(its)
    counts.merge(other)
    assert counts == counted(mine + its)


@given(entries, st.sampled_from([1, 7, 30, 365]), st.integers(0, 1400))
def test_days_within_a_window_are_counted_once_each(given_entries, span, today):
    counts = counted(given_entries)
    assert counts.within(span, today) == sum(today - span < day <= today for day in counts.days)
