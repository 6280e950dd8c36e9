"""Make what is recommended: count item statistics anew, train the ranker, publish each customer's list."""

import math
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from redis import Redis

from ebbtide.domain.event import Event
from ebbtide.errors import StoreError
from ebbtide.jobs.event_log import open_log
from ebbtide.jobs.progress import Progress
from ebbtide.logs.archive import decoded, parts, read_lines
from ebbtide.logs.events import Offset
from ebbtide.logs.imports import ImportLedger
from ebbtide.logs.items import ItemCatalogue
from ebbtide.logs.lease import held
from ebbtide.logs.offsets import committed
from ebbtide.settings import Settings
from features.signals.daily import DAY
from streaming.changes import IMPORTED
from streaming.sources import BATCH

if TYPE_CHECKING:
    from models.recommendations.purchases import Purchases
    from models.recommendations.ranker import Ranker

DAYS = 30.0
"""Days that a list looks ahead."""
_CHUNK = 500
"""Lists written at once."""
_REMEMBERED = 4 * BATCH
"""Live events back within which one that was taken twice is noticed."""
_UNTIL = (1 << 31, 0)


@dataclass(frozen=True)
class Recommended:
    """What was made.

    `version` is that of the ranker in MLflow's registry, None where there was too little to learn from.
    `lists` is the number of customers who got one, `bytes_per_list` what one takes in Redis without its key;
    `metrics` are those on the last window, held out. `items` is the number of products in the statistics,
    `counted` whether they were counted anew: not while a flow keeps them.
    """

    version: str | None
    lists: int
    bytes_per_list: float
    lists_per_second: float
    windows: int
    items: int
    counted: bool
    metrics: dict[str, float] = field(default_factory=dict)


def recommend(
    settings: Settings, client: Redis, *, days: float = DAYS, quick: bool = False, progress: Progress
) -> Recommended:
    """Count item statistics anew, train the ranker, log it to MLflow, and publish the lists.

    Another ranker is trained before, on all but the last `days`, and its figures on those are logged. `quick`
    leaves out that, and counting anew, for who has just imported everything.

    Raises:
        InputError: a file of the archive is missing or damaged.
        ModelError: MLflow could not keep the ranker.
    """
    counted = not quick and _count(settings, client, progress)
    from models.recommendations.item_store import RECORDS

    past = _purchases(settings, progress)
    made = Recommended(None, 0, 0.0, 0.0, 0, int(client.hlen(RECORDS)), counted)  # type: ignore[arg-type]
    if not _long_enough(past):
        return made
    metrics = _held_out(past, _end(past) - days * DAY, days, progress) if not quick else {}
    return _ranked(settings, client, past, days, made, metrics, progress)


def _count(settings: Settings, client: Redis, progress: Progress) -> bool:
    """Count item statistics anew, unless a flow keeps them: two writers would undo each other's work."""
    from models.recommendations.item_rebuild import rebuild
    from models.recommendations.item_store import ItemStore, replace

    suffix = ":new"
    with ExitStack() as stack:
        try:
            stack.enter_context(held(client, "ebbtide recommend"))
        except StoreError:
            return False
        advance = stack.enter_context(progress("Item statistics"))
        store, archive, said = ItemStore(client, suffix), _Archive(settings), ItemCatalogue(client).many
        store.clear()
        rebuild(archive.events(), store, lambda: archive.reached(client), advance, said)
        replace(client, suffix)
    return True


class _Archive:
    """The events of the archive, each once: one that was taken again after a crash stands there twice."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._recent: deque[str] = deque(maxlen=_REMEMBERED)

    def events(self) -> Iterator[Event]:
        """All of them, in the order in which they were taken."""
        if not self._settings.events.exists():
            return
        recent: set[str] = set()
        for part in parts(self._settings.events):
            live = part.path.name.startswith("live-")
            for event in decoded(read_lines(part.path, part.size)):
                if live:
                    if event.id in recent:
                        continue
                    if len(self._recent) == _REMEMBERED:
                        recent.discard(self._recent[0])
                    self._recent.append(event.id)
                    recent.add(event.id)
                yield event

    def reached(self, client: Redis) -> dict[int, Offset]:
        """How far the event log and the imports are in the archive; to be asked when all was read.

        What was archived and not committed, since the flow was killed in between, is delivered again.
        """
        log, recent = open_log(self._settings, client), set(self._recent)
        found = {IMPORTED: _UNTIL} if ImportLedger(client).any() else {}
        for partition in range(log.partitions):
            place = committed(client, partition)
            for record in log.read(partition, place, BATCH):
                if any(event.id in recent for event in decoded([record.raw])):
                    place = record.offset
            found[partition] = place
        return found


def _purchases(settings: Settings, progress: Progress) -> "Purchases":
    from models.recommendations.purchases import PurchaseReader

    reader = PurchaseReader()
    with progress("Orders (archive)") as advance:
        events = _Archive(settings).events()
        while some := list(islice(events, 10_000)):
            for event in some:
                reader.take(event)
            advance(len(some))
    return reader.purchases()


def _long_enough(past: "Purchases") -> bool:
    return len(past) > 0 and float(past.at.max()) - float(past.at.min()) > 1.0


def _end(past: "Purchases") -> float:
    """Just after the last order."""
    return math.nextafter(float(past.at.max()), math.inf)


def _ranked(
    settings: Settings,
    client: Redis,
    past: "Purchases",
    days: float,
    made: Recommended,
    metrics: Mapping[str, float],
    progress: Progress,
) -> Recommended:
    """Train, log and publish."""
    from models.evaluation.timeline import date
    from models.recommendations import ranker, ranker_runs
    from models.registry.registry import Registry

    cut = _end(past)
    with progress("Recommendations (LightGBM)", ranker.STEPS) as advance:
        learned = ranker.train(past, cut, days, advance)
    if not learned.windows:
        return made
    with progress("Recommendations, experiment (MLflow)"):
        target = Registry(settings.mlflow_uri, settings.mlflow_artifacts)
        version = ranker_runs.log_ranker(target, learned, days, date(cut), metrics)
    lists, size, seconds = publish(client, learned, past, cut, version, progress)
    figures = {"lists": lists, "bytes_per_list": size / max(lists, 1), "lists_per_second": lists / seconds}
    return Recommended(
        **{**vars(made), **figures, "version": version, "windows": learned.windows, "metrics": dict(metrics)}
    )


def _held_out(past: "Purchases", cut: float, days: float, progress: Progress) -> Mapping[str, float]:
    """The figures on the last window, learned from what was before it; none if the log is too short."""
    from ebbtide.jobs.evaluate_recommendations import FEWEST, HeldOut
    from models.recommendations import ranker

    if cut <= float(past.at.min()) + 1.0:
        return {}
    test = HeldOut(past, cut)
    if len(test.customers) < FEWEST:
        return {}
    with progress("Recommendations, held out (LightGBM)", ranker.STEPS) as advance:
        learned = ranker.train(test.past, cut, days, advance)
    row = test.row("ebbtide", learned.lists(test.customers).__getitem__)
    return {name: value for name, value in row.items() if name != "name" and not math.isnan(value)}


def publish(
    client: Redis,
    learned: "Ranker",
    past: "Purchases",
    cut: float,
    version: str,
    progress: Progress,
    most: int | None = None,
) -> tuple[int, int, float]:
    """Write each customer's list; gives how many there are, their bytes, and the seconds that it took.

    With `most`, only so many, for a trial.

    Each list is replaced as a whole, and says which version it is of; those not made anew expire.
    """
    from models.recommendations import ranked
    from models.recommendations.ranked_lists import listed, lists

    redis: Any = client
    number = size = 0
    started = time.monotonic()
    customers = listed(past, cut)[:most]
    with progress("Recommendations, lists", len(customers)) as advance:
        found = lists(learned, past, cut, customers)
        while some := list(islice(found, _CHUNK)):
            pipeline = redis.pipeline(transaction=False)
            for one in some:
                raw = ranked.encode(version, cut, one.places)
                size += len(raw)
                pipeline.set(ranked.key(one.customer), raw, ex=ranked.SECONDS)
            pipeline.execute()
            number += len(some)
            advance(len(some))
    return number, size, max(time.monotonic() - started, 1e-9)
