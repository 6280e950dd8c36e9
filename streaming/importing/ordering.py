"""Sorting more than memory holds: runs sorted in memory, kept compressed on disk, merged."""

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import itemgetter
from pathlib import Path

from ebbtide.logs.archive import ArchiveWriter, read_lines

RUN = 200_000
"""Events sorted in memory at once."""

Timed = tuple[float, bytes]
"""A moment in Unix seconds and an event's JSON, without newlines."""


def in_time_order(events: Iterable[Timed], *, run: int = RUN) -> Iterator[Timed]:
    """Yield events by time; those of one moment in the order they came.

    >>> list(in_time_order([(2.5, b"b"), (1.0, b"a"), (2.5, b"c")], run=2))
    [(1.0, b'a'), (2.5, b'b'), (2.5, b'c')]
    """
    source = iter(events)
    with tempfile.TemporaryDirectory(prefix="ebbtide-") as folder:
        runs: list[Iterable[Timed]] = []
        while block := sorted(islice(source, run), key=itemgetter(0)):
            if len(block) < run and not runs:
                yield from block  # it all fitted into memory
                return
            with ArchiveWriter(Path(folder), f"run-{len(runs)}") as part:
                part.write(repr(at).encode() + b" " + raw for at, raw in block)
            runs.append(_read(part.path))
        yield from heapq.merge(*runs, key=itemgetter(0))


def _read(path: Path) -> Iterator[Timed]:
    for line in read_lines(path):
        at, _, raw = line.partition(b" ")
        yield float(at), raw
