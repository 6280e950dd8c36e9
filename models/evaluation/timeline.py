"""The past replayed: events in time order in, and at chosen cut-offs what was known then of each customer.

Nothing later than a cut-off can enter what is known at it, since it has not been read yet. What became of the
customers is filled in as the events go on.
"""

import math
import zlib
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from ebbtide.domain.event import Event
from ebbtide.errors import ModelError
from features.catalog import NAMES
from features.profile import vector
from features.replay import Replay, Taken
from models.churn.cutoffs import MOST_CUTOFFS, YEAR_DAYS

Array = NDArray[np.float64]

DAY = 86_400.0
APART = 14
"""Days from one cut-off to the next."""
CLOSER = (7, 2, 1)
"""Days between training cut-offs where the log is too short for `FEWEST` of them `APART`; each divides it."""
FEWEST, MOST = 4, MOST_CUTOFFS
"""Training cut-offs: how many there should be, and how many are used."""
MOST_CUSTOMERS = 25_000
"""Customers that train at most, drawn evenly; all are tested on."""
_RECENCY = NAMES.index("recency_days")


@dataclass(frozen=True)
class Schedule:
    """When to look: midnights, Unix seconds, UTC, ascending. `horizon` and `active` in days.

    From `whole` on, customers may have been silent for all the days in which they count as active.
    """

    train: tuple[float, ...]
    tests: tuple[float, ...]
    horizon: int
    active: int
    whole: float = math.inf

    def known(self, test: float) -> tuple[float, ...]:
        """The training cut-offs whose horizon has passed at a test cut-off: `MOST` of them at most.

        Every second one where those cover a year (see `models.churn.cutoffs`), else the latest.
        """
        found = tuple(cut for cut in self.train if cut <= test - self.horizon * DAY)
        spread = found[-1 : -2 * MOST : -2][::-1]
        covered = spread[-1] - spread[0] if spread else 0.0
        if covered == YEAR_DAYS * DAY and spread[0] >= self.whole:
            return spread
        return found[-MOST:]

    @property
    def used(self) -> tuple[float, ...]:
        """The training cut-offs that some test cut-off uses."""
        return tuple(sorted({cut for test in self.tests for cut in self.known(test)}))


def schedule(first: float, last: float, *, horizon: int, active: int, rolling: bool = False) -> Schedule:
    """Choose cut-offs for a log from `first` to `last` (Unix seconds, UTC).

    The test cut-off is the midnight after the last day, less the horizon: the latest whose outcome is known.
    With `rolling` there are more, every two weeks over the last third of the log. Training cut-offs end one
    horizon before a test cut-off, so that no label of theirs looks past it.

    Raises:
        ModelError: the log is too short for a cut-off of each kind.
    """
    end = (last // DAY + 1.0) * DAY
    test = end - horizon * DAY
    earliest = first + min(APART, horizon) * DAY
    begin = end - (end - first) / 3.0 if rolling else test
    tests = [test]
    while tests[-1] - APART * DAY >= max(begin, earliest + horizon * DAY):
        tests.append(tests[-1] - APART * DAY)
    latest = tests[-1] - horizon * DAY
    if latest < earliest:
        raise ModelError(
            f"evaluation: expected a log of at least {2 * horizon + min(APART, horizon)} days (two horizons, "
            f"and {min(APART, horizon)} days before them); found {(end - first) / DAY:.0f} days, "
            f"{date(first)} to {date(last)}; take a longer log, or a shorter --horizon"
        )
    steps = [step for step in (APART, *CLOSER) if latest - (FEWEST - 1) * step * DAY >= earliest]
    step = (steps[0] if steps else CLOSER[-1]) * DAY
    train = [tests[0] - horizon * DAY]
    oldest = max(earliest, latest - 2 * (MOST - 1) * step)
    while train[-1] - step >= oldest:
        train.append(train[-1] - step)
    whole = first + max(horizon, active) * DAY
    return Schedule(tuple(reversed(train)), tuple(reversed(tests)), horizon, active, whole)


def date(moment: float) -> str:
    """The UTC day of a moment in Unix seconds."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"


@dataclass(frozen=True)
class Look:
    """Customers at a cut-off (Unix seconds): their signals, shape (n, signals), and when they next ordered.

    `ordered`, shape (n,), in Unix seconds: infinite where no order was seen as far as the replay has come.
    """

    cut: float
    customers: NDArray[np.str_]
    matrix: Array
    ordered: Array

    def churned(self, days: int) -> NDArray[np.bool_]:
        """Who did not order in so many days from the cut-off on; shape (n,)."""
        return np.asarray(self.ordered >= self.cut + days * DAY)


@dataclass(frozen=True)
class Stop:
    """What is known at a test cut-off: past looks whose outcome is known, and the customers to test on.

    `everyone` has the signals of all customers that train and ever ordered, active or not.
    """

    past: tuple[Look, ...]
    asked: Look
    everyone: Array


def sampling(customers: int) -> Callable[[str], bool]:
    """Say which customers train, so that about `MOST_CUSTOMERS` do; the same ones every time.

    >>> sampling(100)("anyone")
    True
    """
    share = MOST_CUSTOMERS / max(customers, 1)
    return lambda customer: zlib.crc32(customer.encode()) < share * 2**32


def stops(events: Iterable[Event], planned: Schedule, trains: Callable[[str], bool]) -> Iterator[Stop]:
    """Replay events in time order, and stop at each test cut-off; the outcomes are whole after the last."""
    replay = _Replay()
    past: deque[Look] = deque()
    tests, train = set(planned.tests), set(planned.used)
    moments = deque(sorted(tests | train))

    def reached(cut: float) -> Iterator[Stop]:
        if cut in tests:
            known = planned.known(cut)
            while past and past[0].cut < known[0]:
                past.popleft()
            asked = replay.look(cut, planned.active, lambda _: True)
            yield Stop(tuple(look for look in past if look.cut in known), asked, replay.signals(cut, trains))
        if cut in train:
            past.append(replay.look(cut, planned.active, trains))

    for event in events:
        while moments and moments[0] <= event.at:
            yield from reached(moments.popleft())
        replay.take(event)
    while moments:
        yield from reached(moments.popleft())


class _Replay(Replay):
    """A replay with the looks that wait for a customer's next order."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: dict[str, list[tuple[Array, int]]] = defaultdict(list)

    def take(self, event: Event) -> Taken:
        """Apply an event, in time order."""
        taken = super().take(event)
        if event.name == "Order Completed":
            for ordered, place in self._waiting.pop(taken.customer, ()):
                ordered[place] = event.at
        if taken.joined in self._waiting:
            self._waiting[taken.customer] += self._waiting.pop(taken.joined)
        return taken

    def look(self, cut: float, active: int, wanted: Callable[[str], bool]) -> Look:
        """Look at the customers wanted who ordered in the `active` days before the cut-off."""
        customers, rows = [], []
        for customer, state in self.states.items():
            if wanted(customer):
                values = vector(state, cut)
                if values[_RECENCY] <= active:
                    customers.append(customer)
                    rows.append(np.array(values))
        ordered = np.full(len(rows), np.inf)
        for place, customer in enumerate(customers):
            self._waiting[customer].append((ordered, place))
        return Look(cut, np.array(customers, dtype=str), _stacked(rows), ordered)

    def signals(self, now: float, wanted: Callable[[str], bool]) -> Array:
        """The signals of all customers wanted who ever ordered."""
        found = [vector(state, now) for customer, state in self.states.items() if wanted(customer)]
        return _stacked([np.array(values) for values in found if values[_RECENCY] >= 0.0])


def _stacked(rows: list[Array]) -> Array:
    return np.vstack(rows) if rows else np.empty((0, len(NAMES)))
