"""Import a log: read it into the archive, then stream the archive into features."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis

from ebbtide.clock import Clock
from ebbtide.jobs.progress import Progress
from ebbtide.logs.archive import SUFFIX, ArchiveWriter, read
from ebbtide.logs.imports import Import, ImportLedger
from ebbtide.logs.lease import held
from ebbtide.logs.rejected import RejectedLog
from ebbtide.logs.steady import steady
from ebbtide.logs.timers import Timers
from ebbtide.logs.waiting import Waiting
from ebbtide.settings import Settings
from streaming.importing.importer import Log, import_events
from streaming.importing.once import Once
from streaming.importing.report import Report

Reader = Callable[[RejectedLog, Report], Iterator[list[bytes]]]
"""Yields the events of a log in time order, in batches, and fills the report on the way."""


@dataclass(frozen=True)
class ImportResult:
    """What an import did.

    With `already`, it had been done before and nothing happened. With `resumed`, an earlier try had read the
    log, and this one streamed what was left; the report is then empty. `duplicates` are events that were
    imported before, by their `messageId`.
    """

    source: str
    already: bool = False
    resumed: bool = False
    duplicates: int = 0
    report: Report = field(default_factory=Report)
    rejected: Path | None = None


def import_file(
    settings: Settings,
    client: Redis,
    log: Log,
    *,
    clock: Clock,
    progress: Progress,
    shift_to_now: bool = False,
    strict: bool = False,
) -> ImportResult:
    """Import a file. The same file with the same mapping is imported once."""
    digest = hashlib.sha256()
    with log.path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    digest.update(repr(log.mapping and sorted(log.mapping.columns.items())).encode())

    def reader(rejected: RejectedLog, report: Report) -> Iterator[list[bytes]]:
        return import_events(log, rejected, report, now=clock(), shift_to_now=shift_to_now, strict=strict)

    return import_batches(
        settings, client, digest.hexdigest(), log.source, reader, clock=clock, progress=progress
    )


def import_batches(
    settings: Settings,
    client: Redis,
    digest: str,
    source: str,
    reader: Reader,
    *,
    clock: Clock,
    progress: Progress,
) -> ImportResult:
    """Import what `reader` yields, once per digest; called again after an interruption, it goes on.

    Raises:
        StoreError: a flow or another import is writing features, or Redis was started again.
    """
    with held(client, f"ebbtide import {source}"), steady(client) as redis:
        ledger = ImportLedger(redis)
        begun = ledger.begin(digest, source)
        if begun.done:
            return ImportResult(source, already=True)
        rejected, report, duplicates = RejectedLog(settings.rejected), Report(), 0
        prefix = f"import-{begun.number:04d}-{Path(source).name.partition('.')[0]}"
        archive = settings.events / f"{prefix}{SUFFIX}"
        resumed = archive.exists()  # reading had ended then, and only the stream was interrupted
        if not resumed:
            try:
                duplicates = _archive(settings.events, prefix, reader(rejected, report), progress)
            except BaseException:
                ledger.forget(digest)  # nothing of it is in the features yet
                raise
        if archive.exists():  # else every event was imported before
            total = None if resumed else report.events.total() - duplicates
            _stream(settings, redis, begun, archive, total, clock, progress)
        ledger.finish(digest, begun)
    kept = rejected.path(source) if rejected.count else None
    return ImportResult(source, resumed=resumed, duplicates=duplicates, report=report, rejected=kept)


def _archive(folder: Path, prefix: str, batches: Iterable[list[bytes]], progress: Progress) -> int:
    """Write an archive of the events that were not imported before; return how many were."""
    with progress("Import") as advance, ArchiveWriter(folder, prefix) as part:
        once = Once(read([folder]))
        for lines in batches:
            fresh = once.fresh(lines)
            part.write(fresh)
            advance(len(fresh))
    return once.duplicates


def _stream(
    settings: Settings,
    client: Redis,
    begun: Import,
    archive: Path,
    total: int | None,
    clock: Clock,
    progress: Progress,
) -> None:
    """Run the flow over the archive of an import."""
    from features.store.online import OnlineStore
    from models.recommendations.item_statistics import KEPT_FOR_MINUTES
    from streaming.checks import Checks
    from streaming.flow import build, run
    from streaming.item_keeper import ItemKeeper, ItemSink
    from streaming.sinks import FeatureSink
    from streaming.sources import ImportSource
    from streaming.updater import Updater

    with progress("Stream", total) as advance:
        rejected, checks, timers = RejectedLog(settings.rejected), Checks(client), Timers(client)
        sink = FeatureSink(
            *(client, rejected, clock),
            progress=advance,
            checks=checks,
            timers=timers,
            waiting=Waiting(client),
        )
        source = ImportSource(begun.number, read([archive]))
        updater = Updater(OnlineStore(client), clock=clock, kept_customers=settings.kept_customers)
        items = ItemKeeper(client, KEPT_FOR_MINUTES)
        run(build(source, sink, updater, items=items, shelf=ItemSink(client)))
