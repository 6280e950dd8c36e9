"""Session: visits, how often, how long, how deep. A visit ends where half an hour passes without an event.

A session is a maximal run of browsing events with gaps of at most 30 minutes; it counts for the UTC day on
which it began. Sessions that an event within a day of the newest could still reach are kept as intervals, of
which there can be no more than 50; older ones are summed up, with a count for each day of the last year. So
the state is at most 1 kB of intervals and 1.5 kB of days.

>>> from features.signals.testing import order
>>> state = State()
>>> for minute in (0, 20, 40, 200):
...     update(state, order(day=minute / 1440, name="Product Viewed"))
>>> value(state, now=86_400.0)
(2.0, 0.0, 2.0, 2.0, 2.0, 2.0, 2.0, 20.0, 0.5)
"""

import math
from bisect import bisect_right
from operator import sub

import msgspec

from ebbtide.domain.event import Event
from features.signals.daily import DAY, Daily, day_of

EVENTS = frozenset(
    {
        "Page Viewed",
        "Screen Viewed",
        "Product Viewed",
        "Products Searched",
        "Product List Viewed",
        "Product Clicked",
        "Product Added",
        "Product Removed",
        "Cart Viewed",
        "Checkout Started",
        "Order Completed",
        "Coupon Applied",
        "Promotion Viewed",
        "Promotion Clicked",
        "Application Opened",
    }
)
VALUES = {
    "sessions_total": "count: sessions ever",
    "sessions_1d": "count: sessions begun in the last day",
    "sessions_7d": "count: sessions begun in the last 7 days",
    "sessions_30d": "count: sessions begun in the last 30 days",
    "sessions_90d": "count: sessions begun in the last 90 days",
    "sessions_365d": "count: sessions begun in the last 365 days",
    "session_depth_mean": "count: events of an average session",
    "session_length_mean_minutes": "minutes: from first to last event of an average session",
    "session_single_share": "ratio: sessions of one event",
}
GAP = 1800.0
"""Seconds without an event that end a session."""
OPEN = DAY + GAP
"""How far behind the newest event a session may have ended and still be reached by a late event."""
_NOTHING = (0.0,) * 6 + (math.nan,) * 3


class State(msgspec.Struct, array_like=True, gc=False):
    """The recent sessions in time order (Unix seconds, events), the sums of those before, all per day."""

    starts: list[float] = []
    ends: list[float] = []
    counts: list[int] = []
    past: int = 0
    events: int = 0
    seconds: float = 0.0
    single: int = 0
    daily: Daily = msgspec.field(default_factory=Daily)


def update(state: State, event: Event) -> None:
    """Lengthen the session that the event falls into, or begin one."""
    at, ends = event.at, state.ends
    if ends and 0.0 <= at - ends[-1] <= GAP:
        ends[-1] = at
        state.counts[-1] += 1
        return
    if not ends or at > ends[-1]:
        state.starts.append(at)
        ends.append(at)
        state.counts.append(1)
        state.daily.add(day_of(at), 1)
    else:
        _insert(state, at, at, 1)
    _fold(state)


def _insert(state: State, start: float, end: float, count: int) -> None:
    """Put an interval among the recent ones, as one with those that it touches."""
    starts, ends, counts = state.starts, state.ends, state.counts
    after = bisect_right(starts, end + GAP)
    before = after
    while before and ends[before - 1] >= start - GAP:
        before -= 1
    if before < after:
        for joined in starts[before:after]:
            state.daily.add(day_of(joined), -1)
        start, end = min(start, starts[before]), max(end, ends[after - 1])
        count += sum(counts[before:after])
    starts[before:after], ends[before:after], counts[before:after] = [start], [end], [count]
    state.daily.add(day_of(start), 1)


def _fold(state: State) -> None:
    """Sum up the sessions which no event within a day of the newest can reach."""
    starts, ends, counts = state.starts, state.ends, state.counts
    oldest = ends[-1] - OPEN
    while ends[0] < oldest:
        count = counts.pop(0)
        state.past += 1
        state.events += count
        state.seconds += ends.pop(0) - starts.pop(0)
        state.single += count == 1


def value(state: State, now: float) -> tuple[float, ...]:
    """Sessions in all and per window, and what an average one is like (NaN before the first)."""
    total = state.past + len(state.starts)
    if not total:
        return _NOTHING
    seconds = state.seconds + sum(map(sub, state.ends, state.starts))
    d1, d7, d30, d90, d365, _, _ = state.daily.windows(day_of(now))
    return (
        float(total),
        d1,
        d7,
        d30,
        d90,
        d365,
        (state.events + sum(state.counts)) / total,
        seconds / 60.0 / total,
        (state.single + state.counts.count(1)) / total,
    )


def merge(state: State, other: State) -> None:
    """Take up the other's sessions, recent ones joined where they touch.

    Sessions that were summed up in one of the two stay apart from those of the other.
    """
    state.past += other.past
    state.events += other.events
    state.seconds += other.seconds
    state.single += other.single
    state.daily.merge(other.daily)
    for start, end, count in zip(other.starts, other.ends, other.counts, strict=True):
        state.daily.add(day_of(start), -1)
        _insert(state, start, end, count)
    if state.ends:
        _fold(state)
