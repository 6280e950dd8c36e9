"""The moments that training looks at: what was known then is the input, what came after is the label."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ebbtide.errors import ModelError

DAY = 86_400.0
STEP_DAYS = 14
MOST_CUTOFFS = 13
"""Training cut-offs at most: half a year; older ones tell of another time, and cost as much."""


@dataclass(frozen=True)
class Cutoffs:
    """Midnights, UTC: those to train on, oldest first, and a later one to test on."""

    train: tuple[datetime, ...]
    test: datetime

    @property
    def every(self) -> tuple[datetime, ...]:
        """All of them, oldest first."""
        return (*self.train, self.test)


def cutoffs(first: float, last: float, *, horizon: int, step_days: int = STEP_DAYS) -> Cutoffs:
    """Choose the cut-offs for a log from `first` to `last` (Unix seconds), for a horizon in days.

    The test cut-off is the latest whose horizon has passed. Training cut-offs end one horizon before it, so
    that no training label looks past it, and go back by `step_days`, down to one horizon after the log began,
    before which too little is known of anyone.

    Raises:
        ModelError: the log is too short for one cut-off of each kind.
    """
    span = timedelta(days=horizon)
    begin, end = (datetime.fromtimestamp(moment, UTC) for moment in (first, last))
    test = (end - span).replace(hour=0, minute=0, second=0, microsecond=0)
    found = [test - span - step * timedelta(days=step_days) for step in range(MOST_CUTOFFS)]
    train = tuple(sorted(cutoff for cutoff in found if cutoff >= begin + span))
    if not train:
        raise ModelError(
            f"training: expected a log of at least {3 * horizon + 1} days (three horizons); "
            f"found {(last - first) / DAY:.0f} days, {begin:%Y-%m-%d} to {end:%Y-%m-%d}; "
            "import a longer log, or choose a shorter --horizon"
        )
    return Cutoffs(train, test)
