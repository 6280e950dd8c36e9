"""Session: visits, how often, how long, how deep. A visit ends where half an hour passes without an event.

A session is a maximal run of browsing events with gaps of at most 30 minutes; it counts for the UTC day on
which it began. Sessions that an event within a day of the newest could still reach are kept as intervals, of
which there can be no more than 50; all are summed up, with a count for each day of the last year. So
the state is at most 1 kB of intervals and 3 kB of days.

>>> from features.signals.testing import order
>>> state = State()
>>> for minute in (0, 20, 40, 200):
...     update(state, order(day=minute / 1440, name="Product Viewed"))
>>> value(state, now=86_400.0)
(2.0, 0.0, 2.0, 2.0, 2.0, 2.0, 2.0, 20.0, 0.5)
"""

import math
from bisect import bisect_left, bisect_right
from operator import attrgetter

import msgspec

from ebbtide.domain.event import Event
from features.signals.counts import Counts
from features.signals.daily import DAY, day_of

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


class Visit(msgspec.Struct, array_like=True, gc=False):
    """A session: from when to when (Unix seconds), and its events."""

    start: float
    end: float
    count: int


class State(msgspec.Struct, array_like=True, gc=False):
    """The recent sessions in time order; sums over all sessions; how many began per day."""

    recent: list[Visit] = []
    events: int = 0
    seconds: float = 0.0
    single: int = 0
    begun: Counts = msgspec.field(default_factory=Counts)


def update(state: State, event: Event) -> None:
    """Lengthen the session that the event falls into, or begin one."""
    at, recent = event.at, state.recent
    last = recent[-1] if recent else None
    if last is not None and 0.0 <= at - last.end <= GAP:
        state.events += 1
        state.seconds += at - last.end
        if last.count == 1:
            state.single -= 1
        last.end = at
        last.count += 1
        return
    visit = Visit(at, at, 1)
    if last is None or at > last.end:
        recent.append(visit)
        _sum_up(state, visit, 1)
    else:
        _insert(state, visit)
    _fold(state)


def _sum_up(state: State, visit: Visit, times: int) -> None:
    """Add a session to the sums (`times` is 1), or take it out of them (-1)."""
    state.events += times * visit.count
    state.seconds += times * (visit.end - visit.start)
    if visit.count == 1:
        state.single += times
    state.begun.add(day_of(visit.start), times)


def _insert(state: State, visit: Visit) -> None:
    """Put a session among the recent ones, as one with those that it touches."""
    recent = state.recent
    after = bisect_right(recent, visit.end + GAP, key=attrgetter("start"))
    before = after
    while before and recent[before - 1].end >= visit.start - GAP:
        before -= 1
    joined = recent[before:after]
    if joined:
        for each in joined:
            _sum_up(state, each, -1)
        start, end = min(visit.start, joined[0].start), max(visit.end, joined[-1].end)
        visit = Visit(start, end, visit.count + sum([each.count for each in joined]))
    recent[before:after] = [visit]
    _sum_up(state, visit, 1)


def _fold(state: State) -> None:
    """Let go of the sessions which no event within a day of the newest can reach."""
    recent = state.recent
    oldest = recent[-1].end - OPEN
    if recent[0].end < oldest:
        del recent[: bisect_left(recent, oldest, key=attrgetter("end"))]


def value(state: State, now: float) -> tuple[float, ...]:
    """Sessions in all and per window, and what an average one is like (NaN before the first)."""
    total = state.begun.totals[-1]
    if not total:
        return _NOTHING
    d1, d7, d30, d90, d365, _, _ = state.begun.windows(int(now // DAY))
    mean = state.seconds / 60.0 / total
    return (total + 0.0, d1, d7, d30, d90, d365, state.events / total, mean, state.single / total)


def merge(state: State, other: State) -> None:
    """Take up the other's sessions, recent ones joined where they touch.

    Sessions that were let go of in one of the two stay apart from those of the other.
    """
    state.events += other.events
    state.seconds += other.seconds
    state.single += other.single
    state.begun.merge(other.begun)
    for visit in other.recent:
        _sum_up(state, visit, -1)
        _insert(state, Visit(visit.start, visit.end, visit.count))
    if state.recent:
        _fold(state)
