"""Sums per day, sparse and bounded: what the trailing windows of other signals are made of."""

from bisect import bisect_left, bisect_right

import msgspec

DAY = 86_400.0
"""Seconds in a day."""


def day_of(moment: float) -> int:
    """The UTC day of a moment, counted from 1970-01-01.

    >>> day_of(86_399.9), day_of(86_400.0)
    (0, 1)
    """
    return int(moment // DAY)


class Daily(msgspec.Struct, array_like=True):
    """A sum for each day on which something happened; days ascending, at most as many as are kept."""

    days: list[int] = []
    sums: list[int | float] = []

    def add(self, day: int, amount: float, keep: int) -> None:
        """Add to a day's sum, and forget what lies `keep` days or more behind the newest day."""
        if not self.days or day > self.days[-1]:
            self.days.append(day)
            self.sums.append(amount)
            stale = bisect_right(self.days, day - keep)
            del self.days[:stale], self.sums[:stale]
        elif day > self.days[-1] - keep:
            at = bisect_left(self.days, day)
            if self.days[at] == day:
                self.sums[at] += amount
            else:
                self.days.insert(at, day)
                self.sums.insert(at, amount)

    def between(self, first: int, last: int) -> float:
        """The sum over the days `first` to `last`, both counted.

        >>> Daily([10, 12, 15], [1, 2, 4]).between(11, 15)
        6.0
        """
        return float(sum(self.sums[bisect_left(self.days, first) : bisect_right(self.days, last)]))

    def trailing(self, days: int, today: int) -> float:
        """The sum over today and the `days - 1` days before it."""
        return self.between(today - days + 1, today)
