"""Days: sums per day, sparse and bounded, of which trailing windows are made."""

import math
from bisect import bisect_left, bisect_right

import msgspec

DAY = 86_400.0
"""Seconds in a day."""
YEAR = 365
"""Days that are kept one by one, counted from the newest."""
SPANS = (1, 7, 30, 7 + 28, 90, 30 + 90, YEAR)
"""Days of the windows, with those that the trends need among them."""

LONGEST = 30 + 90
"""Days of the longest of them, but for the year: of a customer silent for so long all others are empty."""


def day_of(moment: float) -> int:
    """The UTC day of a moment, counted from 1970-01-01.

    >>> day_of(86_399.9), day_of(86_400.0)
    (0, 1)
    """
    return int(moment // DAY)


Cuts = tuple[int, int, int, int, int, int, int, int]


def cuts(days: list[int], today: int) -> Cuts:
    """How many of the days (ascending) are there up to today, and before each of the trailing `SPANS`.

    No day before a window is in it, and the widest comes first: those that begin after the newest day have
    all of the days before them.

    >>> cuts([10, 12, 15, 16], today=15)
    (3, 2, 0, 0, 0, 0, 0, 0)
    """
    s1, s7, s30, s35, s90, s120, s365 = SPANS
    end = bisect_right(days, today)
    age = today - days[end - 1] if end else YEAR
    c365 = bisect_right(days, today - s365, 0, end)
    if age >= s120:
        return (end, end, end, end, end, end, end, c365)
    c120 = bisect_right(days, today - s120, c365, end)
    if age >= s90:
        return (end, end, end, end, end, end, c120, c365)
    c90 = bisect_right(days, today - s90, c120, end)
    if age >= s35:
        return (end, end, end, end, end, c90, c120, c365)
    c35 = bisect_right(days, today - s35, c90, end)
    if age >= s30:
        return (end, end, end, end, c35, c90, c120, c365)
    c30 = bisect_right(days, today - s30, c35, end)
    if age >= s7:
        return (end, end, end, c30, c35, c90, c120, c365)
    c7 = bisect_right(days, today - s7, c30, end)
    c1 = bisect_right(days, today - s1, c7, end) if age < s1 else end
    return (end, c1, c7, c30, c35, c90, c120, c365)


Windows = tuple[float, float, float, float, float, float, float]
"""Sums over the trailing windows of 1, 7, 30, 90 and 365 days, and the trends of 7 and of 30 days.

A window of N days is today and the N - 1 days before. The trend compares the rate r a day in a window
with that in the days before it, q: (r - q) / (r + q) is -1 for stopped, 0 for steady, 1 for begun, and
NaN if r + q is 0. 7 days are compared with the 28 before, 30 with the 90 before.
"""
NO_WINDOWS: Windows = (0.0, 0.0, 0.0, 0.0, 0.0, math.nan, math.nan)


def trend(rate: float, before: float) -> float:
    """A rate against the one before; see `Windows`."""
    both = rate + before
    return (rate - before) / both if both else math.nan


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

    def windows(self, today: int) -> Windows:
        """The sums over trailing windows, and the trends; days after today do not count.

        What each span adds to the one before is summed by itself: differences of sums would be inexact.

        >>> Daily([10, 12, 15], [1, 2, 4]).windows(today=15)
        (4.0, 7.0, 7.0, 7.0, 7.0, 1.0, 1.0)
        """
        days, sums = self.days, self.sums
        if not days or days[-1] <= today - YEAR:
            return NO_WINDOWS
        if days[-1] <= today - LONGEST:
            year = sum(sums[bisect_right(days, today - YEAR) :], 0.0)
            return (0.0, 0.0, 0.0, 0.0, year, math.nan, math.nan)
        end, c1, c7, c30, c35, c90, c120, c365 = cuts(days, today)
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
        trend_7d = trend(d7 / 7, (month + week_before) / 28)
        trend_30d = trend(d30 / 30, (week_before + quarter + month_before) / 90)
        return (day, d7, d30, d90, d90 + month_before + year, trend_7d, trend_30d)
