"""Active days: the days on which something happened, those of years ago summed up as a run."""

from functools import reduce
from operator import mul, sub

import msgspec

from features.signals.counts import Counts
from features.signals.daily import YEAR


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


class Active(Counts, array_like=True, gc=False):
    """The days on which something happened: those of the last year with a count, those before as a run."""

    before: Run | None = None

    def add(self, day: int, amount: int) -> None:
        """Add to a day's count; what lies a year behind the newest day goes into the run."""
        days = self.days
        if days and ((day > days[-1] and days[0] <= day - YEAR) or day <= days[-1] - YEAR):
            self._let_go({*days, day})
        Counts.add(self, day, amount)

    def merge(self, other: "Active") -> None:  # type: ignore[override]
        """Take up another's days.

        Exact as long as what the two know by runs does not interleave with other days: for histories within
        a year of the newest day, and for one that ends where the other begins.
        """
        self._let_go({*self.days, *other.days}, other.before)
        Counts.merge(self, other)

    @property
    def number(self) -> int:
        """How many days, in all."""
        return len(self.days) + (self.before.count if self.before else 0)

    def run(self) -> Run:
        """All of the days as a run (of none: the empty one)."""
        kept = self.days
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
