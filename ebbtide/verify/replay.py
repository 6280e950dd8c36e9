"""A log replayed through the real jobs, in slices of time, with a look at the states after each."""

import math
import tempfile
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import NamedTuple

from redis import Redis

from ebbtide import local_redis
from ebbtide.clock import Clock
from ebbtide.domain.event import Event, decode
from ebbtide.jobs.imports import import_batches
from ebbtide.jobs.progress import Progress
from ebbtide.jobs.stream import stream
from ebbtide.logs.events import BEGINNING, RedisEventLog
from ebbtide.logs.offsets import committed
from ebbtide.logs.rejected import RejectedLog
from ebbtide.settings import Settings
from features.profile import State, new_state
from features.store.online import OnlineStore
from streaming.importing.importer import Log, import_events
from streaming.importing.report import Report
from streaming.importing.wire import batched

SLICES = 4
LATE = 6 * 3600
"""Seconds by which a live event may arrive late."""
TWICE = 10
"""One in so many live events is sent twice."""
LIVE = 15 * 86_400.0
"""Seconds at the end of the log that arrive live."""
STEP = 12 * 3600
"""Seconds of events logged before the flow runs: what is passed on between customers must not be too late."""


class Line(NamedTuple):
    """An event of the log, decoded and as it travels."""

    event: Event
    raw: bytes

    @property
    def at(self) -> float:
        """When it happened, in Unix seconds."""
        return self.event.at


class Stop(NamedTuple):
    """A look on the way: all events up to `at` (Unix seconds) are in the features, and no other."""

    at: float
    states: list[State]


def read_log(log: Log, *, clock: Clock, progress: Progress) -> list[Line]:
    """Read all usable events of a log in time order; all of them are held in memory.

    Raises:
        InputError: the log cannot be read, or no line of it can be used.
    """
    with tempfile.TemporaryDirectory(prefix="ebbtide-") as folder, progress("Read") as advance:
        lines: list[Line] = []
        for batch in import_events(log, RejectedLog(Path(folder)), Report(), now=clock()):
            lines += [Line(decode(raw), raw) for raw in batch]
            advance(len(batch))
    return sorted(lines, key=attrgetter("at"))


def replay(
    lines: Sequence[Line], customers: Sequence[str], *, clock: Clock, progress: Progress
) -> Iterator[Stop]:
    """Feed lines in slices of time, and read the customers' states back from Redis after each.

    Slices have equally many events, but events of one moment are never parted. All is imported but the last
    days (`LIVE`) of the last slice: those go through the event log and the live flow, out of order, and in
    part twice. Working folder and Redis are temporary.
    """
    times = [line.at for line in lines]
    begun, live = 0, bisect_left(times, times[-1] - LIVE)
    with _workshop() as (settings, client):
        store = OnlineStore(client)
        for number in range(1, SLICES + 1):
            end = times[math.ceil(len(times) * number / SLICES) - 1]
            until = bisect_right(times, end)
            imported = max(begun, min(until, live)) if number == SLICES else until
            _import(settings, client, f"slice-{number}", lines[begun:imported], clock, progress)
            _live(settings, client, lines[imported:until], clock, progress)
            begun = until
            yield Stop(end, [store.read(customer) or new_state() for customer in customers])


@contextmanager
def _workshop() -> Iterator[tuple[Settings, Redis]]:
    with tempfile.TemporaryDirectory(prefix="ebbtide-") as folder:
        settings = Settings(home=Path(folder))
        with (
            local_redis.running(settings.root, None) as url,
            local_redis.connect(url) as client,
        ):
            yield settings, client


def _import(
    settings: Settings, client: Redis, name: str, lines: Sequence[Line], clock: Clock, progress: Progress
) -> None:
    def reader(rejected: RejectedLog, report: Report) -> Iterator[list[bytes]]:  # noqa: ARG001
        for batch in batched(lines):
            report.made([line.event.name for line in batch], batch[0].at, batch[-1].at)
            yield [line.raw for line in batch]

    import_batches(settings, client, name, name, reader, clock=clock, progress=progress)


def _live(settings: Settings, client: Redis, lines: Sequence[Line], clock: Clock, progress: Progress) -> None:
    if not lines:
        return
    log = RedisEventLog(client, settings.partitions)
    with progress("Stream live", len(lines)) as advance:
        for _, step in groupby(lines, key=lambda line: line.at // STEP):
            for batch in batched(as_sent(list(step))):
                log.append([(line.event.customer, line.event.id, line.raw) for line in batch])
            stream(settings, client, clock=clock, once=True, stored=advance)
        while _waiting(log, client):  # what customers passed on to each other
            stream(settings, client, clock=clock, once=True)


def _waiting(log: RedisEventLog, client: Redis) -> bool:
    newest = ((part, log.last_offset(part)) for part in range(log.partitions))
    return any(offset not in (BEGINNING, committed(client, part)) for part, offset in newest)


def as_sent(lines: Sequence[Line]) -> list[Line]:
    """The lines as senders deliver them: each up to `LATE` later than it happened, some again."""

    def chance(line: Line, salt: bytes = b"") -> int:
        return zlib.crc32(line.event.id.encode(), zlib.crc32(salt))

    again = [line for line in lines if chance(line, b"again") % TWICE == 0]
    arrivals = [(line.at + chance(line) % LATE, line) for line in lines]
    arrivals += [(line.at + chance(line, b"later") % LATE, line) for line in again]
    return [line for _, line in sorted(arrivals, key=itemgetter(0))]
