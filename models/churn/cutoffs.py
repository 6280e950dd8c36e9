"""The moments that training looks at: what was known then is the input, what came after is the label.

They lie two weeks apart and go back half a year. Where the log has a whole year of them, as many are spread
over the year instead: half a year knows one side of the seasons, and by the time that its labels are known
the other has come.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ebbtide.errors import ModelError

DAY = 86_400.0
STEP_DAYS, YEAR_STEP_DAYS = 14, 28
MOST_CUTOFFS = 13
"""Training cut-offs at most: older ones tell of another time, and cost as much."""
YEAR_DAYS = (MOST_CUTOFFS - 1) * YEAR_STEP_DAYS
"""Days from the first to the last of cut-offs that are spread over a year."""


@dataclass(frozen=True)
class Cutoffs:
    """Midnights, UTC: those to train on, oldest first, and a later one to test on."""

    train: tuple[datetime, ...]
    test: datetime

    @property
    def every(self) -> tuple[datetime, ...]:
        """All of them, oldest first."""
        return (*self.train, self.test)


def cutoffs(first: float, last: float, *, horizon: int, active: int = 0) -> Cutoffs:
    """Choose the cut-offs for a log from `first` to `last` (Unix seconds), for a horizon in days.

    The test cut-off is the latest whose horizon has passed. Training cut-offs end one horizon before it, so
    that no training label looks past it, and go back to one horizon after the log began, before which too
    little is known of anyone. They are spread over a year only if the first of them lies `active` days after
    that beginning too: before, nobody can have been silent for that long.

    Raises:
        ModelError: the log is too short for one cut-off of each kind.
    """
    span = timedelta(days=horizon)
    begin, end = (datetime.fromtimestamp(moment, UTC) for moment in (first, last))
    test = (end - span).replace(hour=0, minute=0, second=0, microsecond=0)
    whole = begin + timedelta(days=max(horizon, active))
    step = YEAR_STEP_DAYS if test - span - timedelta(days=YEAR_DAYS) >= whole else STEP_DAYS
    found = [test - span - n * timedelta(days=step) for n in range(MOST_CUTOFFS)]
    train = tuple(sorted(cutoff for cutoff in found if cutoff >= begin + span))
    if not train:
        raise ModelError(
            f"training: expected a log of at least {3 * horizon + 1} days (three horizons); "
            f"found {(last - first) / DAY:.0f} days, {begin:%Y-%m-%d} to {end:%Y-%m-%d}; "
            "import a longer log, or choose a shorter --horizon"
        )
    return Cutoffs(train, test)
