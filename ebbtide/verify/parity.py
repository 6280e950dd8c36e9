"""Parity: what is served, compared value by value with what the raw events say.

A log is replayed, and after each slice of it the vectors of some customers are taken from the states in
Redis: at the slice's end, and after ten days of silence. The reference computes each vector anew.
"""

import math
import zlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from ebbtide.clock import Clock
from ebbtide.domain.event import Event
from ebbtide.domain.ingest import iso
from ebbtide.jobs.progress import Progress
from ebbtide.verify import reference
from ebbtide.verify.persons import owners, person
from ebbtide.verify.replay import Line, Stop, read_log, replay
from features import profile
from features.catalog import NAMES
from streaming.importing.importer import Log

SILENCE = 10 * 86_400.0
"""Seconds without an event, after which the same states are asked again."""
TOLERANCE = 1e-9
"""Relative and absolute: sums made in another order differ in their last digits."""


@dataclass(frozen=True)
class Difference:
    """One value of one customer at one moment (ISO 8601, UTC) that differs; `by` is infinite with a NaN."""

    customer: str
    at: str
    served: float
    recomputed: float
    by: float


@dataclass(frozen=True)
class Parity:
    """The share of values that match, in all (`rate`) and by name, and the worst difference of each other."""

    rate: float
    vectors: int
    values: Mapping[str, float]
    worst: Mapping[str, Difference]


def parity(log: Log, *, sample: int, clock: Clock, progress: Progress) -> Parity:
    """Replay a log and compare what `sample` of its customers were served on the way with the reference.

    Raises:
        InputError: the log cannot be read, or no line of it can be used.
    """
    lines = read_log(log, clock=clock, progress=progress)
    customers = choose({line.event.customer for line in lines}, sample)
    tally = Tally()
    for stop in replay(lines, customers, clock=clock, progress=progress):
        known = lines[: bisect_right(lines, stop.at, key=attrgetter("at"))]
        _compare(tally, stop, customers, _histories(known, customers), progress)
    return tally.result()


def choose(customers: set[str], sample: int) -> list[str]:
    """Take that many customers, the same ones each time, in no relation to their ids or activity."""
    return sorted(customers, key=lambda customer: (zlib.crc32(customer.encode()), customer))[:sample]


class Tally:
    """Counts matches by name, and keeps the worst difference of each."""

    def __init__(self) -> None:
        self.vectors = 0
        self._matches: Counter[str] = Counter()
        self._worst: dict[str, Difference] = {}

    def add(
        self, customer: str, now: float, served: Sequence[float], recomputed: Mapping[str, float]
    ) -> None:
        """Compare one vector, in the order of the catalog, with the reference's values."""
        self.vectors += 1
        for name, value in zip(NAMES, served, strict=True):
            expected = recomputed[name]
            if _equal(value, expected):
                self._matches[name] += 1
                continue
            by = math.inf if math.isnan(value - expected) else abs(value - expected)
            if name not in self._worst or by > self._worst[name].by:
                self._worst[name] = Difference(customer, iso(now), value, expected, by)

    def result(self) -> Parity:
        """The rates so far."""
        rates = {name: self._matches[name] / self.vectors for name in NAMES}
        total = sum(self._matches.values()) / (self.vectors * len(NAMES))
        return Parity(total, self.vectors, rates, dict(self._worst))


def _equal(one: float, other: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _histories(lines: Sequence[Line], customers: Sequence[str]) -> list[list[Event]]:
    """The events of each customer, under whichever of their ids; `lines` in time order."""
    owner = owners(line.event for line in lines)
    wanted = [person(customer, owner) for customer in customers]
    histories: dict[str, list[Event]] = {each: [] for each in wanted}
    for line in lines:
        whose = person(line.event.customer, owner)
        if whose in histories:
            histories[whose].append(line.event)
    return [histories[each] for each in wanted]


def _compare(
    tally: Tally, stop: Stop, customers: Sequence[str], histories: Sequence[list[Event]], progress: Progress
) -> None:
    with progress("Compare", 2 * len(customers)) as advance:
        for customer, state, events in zip(customers, stop.states, histories, strict=True):
            for now in (stop.at, stop.at + SILENCE):
                tally.add(customer, now, profile.vector(state, now), reference.values(events, now))
                advance(1)
