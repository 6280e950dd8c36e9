"""The import of a purchase log: a file in, batches of Segment events in time order out."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ebbtide.errors import InputError
from ebbtide.logs.rejected import RejectedLog, Rejection
from streaming.importing.columns import clean
from streaming.importing.mapping import Mapping
from streaming.importing.ordering import Timed, in_time_order
from streaming.importing.orders import to_events, within_limits
from streaming.importing.report import Report
from streaming.importing.segment import moved, read_events
from streaming.importing.tables import column_names, file_format, read_table
from streaming.importing.wire import batched, encode


@dataclass(frozen=True)
class Log:
    """A purchase log that exists and whose mapping fits; without a mapping a file of Segment events."""

    path: Path
    mapping: Mapping | None

    @property
    def source(self) -> str:
        """What the log is called in event ids and in the rejected log: its file's name."""
        return self.path.name


def open_log(path: Path, mapping: Mapping | None = None) -> Log:
    """Check a file and its mapping before any work is done.

    Raises:
        InputError: no such file, an empty one, an unknown format, a mapped column that is not there (lists
            those that are), or a table without a mapping (says how to give one).
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: expected data, found an empty file")
    kind = file_format(path)
    if mapping is not None:
        mapping.check(str(path), column_names(path))
    elif kind != "jsonl":
        columns = ", ".join(column_names(path))
        raise InputError(
            f"{path}: say which column is what, e.g. --map customer=ID,time=DATE; the columns are: {columns}"
        )
    return Log(path, mapping)


def import_events(
    log: Log,
    rejected: RejectedLog,
    report: Report,
    *,
    now: float,
    shift_to_now: bool = False,
    strict: bool = False,
) -> Iterator[list[bytes]]:
    """Yield a log's events in time order, in batches, as JSON that `ebbtide.domain.event.decode` reads.

    `now` is the present in Unix seconds, UTC; events in the future are rejected. With `shift_to_now` all
    times move by the same amount, such that the last event happens now. Lines that cannot be used go to
    `rejected` with their line number and reason, and the rest goes on. `report` is filled on the way.

    Raises:
        InputError: a file that cannot be read or has no row, no usable line at all, or, with `strict`, the
            first line that cannot be used.
    """
    examples: dict[str, Rejection] = {}

    def refuse(rejections: list[Rejection]) -> None:
        if strict and rejections:
            raise _first_fault(log, rejections)
        for each in rejections:
            examples.setdefault(each.reason, each)
        rejected.reject_many(log.source, rejections, at=now)
        report.rejected.update(Counter(each.reason for each in rejections))

    if log.mapping is None:
        yield from _from_events(log, report, refuse, now, shift_to_now)
    else:
        yield from _from_table(log, log.mapping, report, refuse, now, shift_to_now)
    if not report.events:
        raise _nothing_usable(log, report, examples)


Refuse = Callable[[list[Rejection]], None]


def _from_table(
    log: Log, mapping: Mapping, report: Report, refuse: Refuse, now: float, shift_to_now: bool
) -> Iterator[list[bytes]]:
    faults: list[Rejection] = []
    frame = read_table(log.path, mapping, faults)
    report.lines = frame.height + len(faults)
    try:
        rows, rejections = clean(frame, mapping, latest=now)
        del frame
        refuse(faults + rejections)
        events, rejections = within_limits(to_events(rows, mapping))
        del rows
        refuse(rejections)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{log.path}: a column is not of a type that can be read: {error}") from error
    last = events["time"].dt.epoch("us").max()
    if shift_to_now and last is not None:
        report.shift = now - float(last) / 1e6  # type: ignore[arg-type]
    yield from encode(events, log.source, report)


def _from_events(
    log: Log, report: Report, refuse: Refuse, now: float, shift_to_now: bool
) -> Iterator[list[bytes]]:
    last = float("-inf")
    names: Counter[str] = Counter()

    def usable() -> Iterator[Timed]:
        nonlocal last
        for block in batched(read_events(log.path, latest=now)):
            report.lines += len(block)
            refuse([read for read in block if isinstance(read, Rejection)])
            for at, name, raw in (read for read in block if not isinstance(read, Rejection)):
                last = max(last, at)
                names[name] += 1
                yield at, raw

    # Sorting takes in every line before it gives out the first: then the last moment is known.
    ordered = in_time_order(usable())
    for batch in batched(ordered):
        report.shift = now - last if shift_to_now else 0.0
        shift = report.shift
        report.made((), batch[0][0] + shift, batch[-1][0] + shift)
        yield [moved(raw, at, shift) if shift else raw for at, raw in batch]
    report.events.update(names)


def _nothing_usable(log: Log, report: Report, examples: dict[str, Rejection]) -> InputError:
    """With the commonest reason, and a line that has it."""
    [(reason, count)] = report.rejected.most_common(1) or [("empty lines only", 0)]
    found = examples.get(reason)
    shown = "" if found is None else f", as in line {found.line}: {found.raw!r}"
    return InputError(f"{log.path}: none of {report.lines} lines can be used; {count} times: {reason}{shown}")


def _first_fault(log: Log, rejections: list[Rejection]) -> InputError:
    first = min(rejections, key=lambda each: each.line or 0)
    return InputError(f"{log.path}, line {first.line}: {first.reason}, found {first.raw!r}")
