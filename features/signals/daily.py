"""Days: sums per day, sparse and bounded, of which trailing windows are made, and runs of days gone by."""

import math
from bisect import bisect_left, bisect_right
from functools import reduce
from operator import mul, sub

import msgspec

DAY = 86_400.0
"""Seconds in a day."""
YEAR = 365
"""Days that are kept one by one, counted from the newest."""


def day_of(moment: float) -> int:
    """The UTC day of a moment, counted from 1970-01-01.

    >>> day_of(86_399.9), day_of(86_400.0)
    (0, 1)
    """
    return int(moment // DAY)


class Daily(msgspec.Struct, array_like=True, gc=False):
    """A sum for each day on which something happened; days ascending, at most as many as are kept."""

    days: list[int] = []
    sums: list[int | float] = []

    def add(self, day: int, amount: float, keep: int = YEAR) -> None:
        """Add to a day's sum, and forget what lies `keep` days or more behind the newest day."""
        days = self.days
        if not days or day > days[-1]:
            days.append(day)
            self.sums.append(amount)
            if days[0] <= day - keep:
                stale = bisect_right(days, day - keep)
                del days[:stale], self.sums[:stale]
        elif day == days[-1]:
            self.sums[-1] += amount
        elif day > days[-1] - keep:
            at = bisect_left(days, day)
            if days[at] == day:
                self.sums[at] += amount
            else:
                days.insert(at, day)
                self.sums.insert(at, amount)

    def merge(self, other: "Daily", keep: int = YEAR) -> None:
        """Add another's sums day by day."""
        for day, amount in zip(other.days, other.sums, strict=True):
            self.add(day, amount, keep)

    def windows(self, today: int) -> "Windows":
        """The sums over trailing windows, and the trends; days after today do not count.

        >>> Daily([10, 12, 15], [1, 2, 4]).windows(today=15)
        (4.0, 7.0, 7.0, 7.0, 7.0, 1.0, 1.0)
        """
        days = self.days
        if not days or days[-1] <= today - YEAR:
            return NO_WINDOWS
        return sums_over(self.sums, self.cuts(today))

    def cuts(self, today: int) -> list[int]:
        """How many days are there up to today, and before each of the trailing `SPANS`."""
        days = self.days
        if not days:
            return NO_CUTS
        low = len(days) if days[-1] <= today else bisect_right(days, today)
        found = [low]
        for span in SPANS:
            if low and days[low - 1] > today - span:
                low = bisect_right(days, today - span, 0, low)
            found.append(low)
        return found

    def within(self, span: int, today: int) -> int:
        """How many days are there in the window of `span` days up to today."""
        return bisect_right(self.days, today) - bisect_right(self.days, today - span)


Windows = tuple[float, float, float, float, float, float, float]
"""Sums over the trailing windows of 1, 7, 30, 90 and 365 days, and the trends of 7 and of 30 days.

A window of N days is today and the N - 1 days before. The trend compares the rate r a day in a window
with that in the days before it, q: (r - q) / (r + q) is -1 for stopped, 0 for steady, 1 for begun, and
NaN if r + q is 0. 7 days are compared with the 28 before, 30 with the 90 before.
"""
SPANS = (1, 7, 30, 7 + 28, 90, 30 + 90, YEAR)
"""Days of the windows, with those that the trends need among them."""
NO_CUTS = [0] * (len(SPANS) + 1)
NO_WINDOWS: Windows = (0.0, 0.0, 0.0, 0.0, 0.0, math.nan, math.nan)


def sums_over(sums: list[int | float], cuts: list[int]) -> Windows:
    """The windows of a ledger's sums, by its cuts.

    What each span adds to the one before is summed by itself: differences of sums would be inexact.
    """
    end, c1, c7, c30, c35, c90, c120, c365 = cuts
    if end == c365:
        return NO_WINDOWS
    day = sum(sums[c1:end], 0.0) if c1 < end else 0.0
    week = sum(sums[c7:c1], 0.0) if c7 < c1 else 0.0
    month = sum(sums[c30:c7], 0.0) if c30 < c7 else 0.0
    week_before = sum(sums[c35:c30], 0.0) if c35 < c30 else 0.0
    quarter = sum(sums[c90:c35], 0.0) if c90 < c35 else 0.0
    month_before = sum(sums[c120:c90], 0.0) if c120 < c90 else 0.0
    year = sum(sums[c365:c120], 0.0) if c365 < c120 else 0.0
    d7 = day + week
    d30 = d7 + month
    d90 = d30 + week_before + quarter
    trend_7d = _trend(d7 / 7, (month + week_before) / 28)
    trend_30d = _trend(d30 / 30, (week_before + quarter + month_before) / 90)
    return (day, d7, d30, d90, d90 + month_before + year, trend_7d, trend_30d)


def _trend(rate: float, before: float) -> float:
    both = rate + before
    return (rate - before) / both if both else math.nan


class Run(msgspec.Struct, array_like=True, gc=False):
    """Distinct days in one stretch of time, summed up: how many, the first, the last, the gaps between.

    `squares` is the sum of the gaps' squares and `longest` the longest gap, in whole days: exact, so the
    deviation of the gaps suffers no rounding on the way.
    """

    count: int = 0
    first: int = 0
    last: int = 0
    squares: int = 0
    longest: int = 0

    def join(self, other: "Run") -> "Run":
        """Both as one. Exact if one ends before the other begins, or on that day.

        Runs that interleave cannot be told apart: the one with more days stands, as far as
        the other reaches.

        >>> Run(2, first=10, last=14, squares=16, longest=4).join(Run(1, first=20, last=20))
        Run(count=3, first=10, last=20, squares=52, longest=6)
        """
        early, late = (self, other) if self.first <= other.first else (other, self)
        gap = late.first - early.last
        if gap >= 0:
            count = early.count + late.count - (gap == 0)
            squares = early.squares + gap * gap + late.squares
            return Run(count, early.first, late.last, squares, max(early.longest, gap, late.longest))
        more, less = (self, other) if self.count >= other.count else (other, self)
        for day in (less.first, less.last):
            if not more.first <= day <= more.last:
                more = more.join(Run(1, day, day))
        return more


class Active(msgspec.Struct, array_like=True, gc=False):
    """The days on which something happened: those of the last year with a sum each, those before as a run."""

    daily: Daily = msgspec.field(default_factory=Daily)
    before: Run | None = None

    def add(self, day: int, amount: float) -> None:
        """Add to a day's sum; what lies a year behind the newest day goes into the run."""
        days = self.daily.days
        if days and ((day > days[-1] and days[0] <= day - YEAR) or day <= days[-1] - YEAR):
            self._let_go({*days, day})
        self.daily.add(day, amount)

    def merge(self, other: "Active") -> None:
        """Take up another's days.

        Exact as long as what the two know by runs does not interleave with other days: for histories within
        a year of the newest day, and for one that ends where the other begins.
        """
        self._let_go({*self.daily.days, *other.daily.days}, other.before)
        self.daily.merge(other.daily)

    @property
    def total(self) -> int:
        """How many days, in all."""
        return len(self.daily.days) + (self.before.count if self.before else 0)

    def run(self) -> Run:
        """All of the days as a run (of none: the empty one)."""
        kept = self.daily.days
        if not kept:
            return Run()
        gaps = list(map(sub, kept[1:], kept))
        run = Run(len(kept), kept[0], kept[-1], sum(map(mul, gaps, gaps)), max(gaps, default=0))
        return self.before.join(run) if self.before else run

    def _let_go(self, days: set[int], run: Run | None = None) -> None:
        """Of those days, put the ones a year behind the newest into the run."""
        edge = max(days, default=0) - YEAR
        pieces = [Run(1, day, day) for day in days if day <= edge]
        pieces += [known for known in (self.before, run) if known]
        if pieces:
            self.before = reduce(Run.join, sorted(pieces, key=lambda piece: piece.first))
