"""Days on which something happened, over years."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from features.signals.active import Active, Run

distinct = st.sets(st.integers(0, 300), max_size=12).map(sorted)


def active(days):
    found = Active()
    for day in days:
        found.add(day, 1)
    return found


@given(st.lists(st.integers(0, 2000), min_size=1, max_size=40))
def test_the_days_before_the_last_year_stay_known_by_their_sums(days):
    run = active(sorted(days)).run()
    ordered = sorted(set(days))
    gaps = [late - early for early, late in pairwise(ordered)]
    squares = sum(gap * gap for gap in gaps)
    assert run == Run(len(ordered), ordered[0], ordered[-1], squares, max(gaps, default=0))


@given(distinct, distinct)
def test_two_that_interleave_long_ago_give_no_more_days_than_there_were(mine, its):
    one, other = active([*mine, 1000]), active([*its, 1000])
    one.merge(other)
    run = one.run()
    assert max(len(mine), len(its)) < run.count <= len({*mine, *its}) + 1
    assert run.first == min([*mine, *its, 1000])
    assert run.last == 1000
