"""Counts per day, kept as running totals: what a window holds is the difference of two, which is exact."""

import math
from bisect import bisect_left, bisect_right
from itertools import pairwise

import msgspec

from features.signals.daily import LONGEST, NO_WINDOWS, YEAR, Cuts, Windows, cuts, trend


class Counts(msgspec.Struct, array_like=True, gc=False):
    """The days of the last year on which something happened, ascending, and how much did up to each.

    `totals` has one more: it begins with what happened before those days, and ends with all that ever did.
    """

    days: list[int] = []
    totals: list[int] = msgspec.field(default_factory=lambda: [0])

    def add(self, day: int, amount: int) -> None:
        """Add to a day's count; days a year or more behind the newest are no longer told apart."""
        days, totals = self.days, self.totals
        if not days or day > days[-1]:
            days.append(day)
            totals.append(totals[-1] + amount)
            if days[0] <= day - YEAR:
                stale = bisect_right(days, day - YEAR)
                del days[:stale], totals[:stale]
            return
        since = 0
        if day > days[-1] - YEAR:
            at = bisect_left(days, day)
            if days[at] != day:
                days.insert(at, day)
                totals.insert(at, totals[at])
            since = at + 1
        for later in range(since, len(totals)):
            totals[later] += amount

    def merge(self, other: "Counts") -> None:
        """Add another's counts day by day."""
        before = other.totals[0]
        if before:
            self.totals = [total + before for total in self.totals]
        for day, (total, through) in zip(other.days, pairwise(other.totals), strict=True):
            self.add(day, through - total)

    @property
    def total(self) -> int:
        """All that ever happened."""
        return self.totals[-1]

    def within(self, span: int, today: int) -> int:
        """How many days are there in the window of `span` days up to today."""
        return bisect_right(self.days, today) - bisect_right(self.days, today - span)

    def windows(self, today: int) -> Windows:
        """The counts over trailing windows, and the trends; days after today do not count.

        >>> counts = Counts()
        >>> counts.add(10, 1), counts.add(12, 2), counts.add(15, 4)
        (None, None, None)
        >>> counts.windows(today=15)
        (4.0, 7.0, 7.0, 7.0, 7.0, 1.0, 1.0)
        """
        days = self.days
        if not days or days[-1] <= today - YEAR:
            return NO_WINDOWS
        if days[-1] <= today - LONGEST:
            year = self.totals[-1] - self.totals[bisect_right(days, today - YEAR)]
            return (0.0, 0.0, 0.0, 0.0, year + 0.0, math.nan, math.nan)
        return self.between(cuts(days, today))

    def between(self, found: Cuts) -> Windows:
        """The windows by their `cuts`."""
        end, c1, c7, c30, c35, c90, c120, c365 = found
        totals = self.totals
        all_, until_7, until_30 = totals[end] + 0.0, totals[c7], totals[c30]
        week, month = all_ - until_7, all_ - until_30
        week_before, month_before = (until_7 - totals[c35]) / 28, (until_30 - totals[c120]) / 90
        return (
            all_ - totals[c1],
            week,
            month,
            all_ - totals[c90],
            all_ - totals[c365],
            trend(week / 7, week_before) if week or week_before else math.nan,
            trend(month / 30, month_before) if month or month_before else math.nan,
        )
