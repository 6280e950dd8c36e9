"""Run the flow over the event log, live."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import TYPE_CHECKING

from redis import Redis

from ebbtide.clock import Clock
from ebbtide.jobs.alerts import watching
from ebbtide.jobs.event_log import open_log
from ebbtide.jobs.triggers import judged_by, ticking
from ebbtide.logs.archive import LiveArchive
from ebbtide.logs.events import EventLog
from ebbtide.logs.lease import held
from ebbtide.logs.rejected import RejectedLog
from ebbtide.logs.steady import steady
from ebbtide.logs.timers import Timers
from ebbtide.logs.triggers import TriggerLog
from ebbtide.logs.waiting import Waiting
from ebbtide.settings import Settings

if TYPE_CHECKING:
    from streaming.sinks import FeatureSink


def stream(
    settings: Settings,
    client: Redis,
    *,
    clock: Clock,
    once: bool = False,
    workers: int = 1,
    process: int | None = None,
    addresses: Sequence[str] = (),
    ready: Callable[[], None] = lambda: None,
    stored: Callable[[int], None] = lambda _: None,
) -> None:
    """Read the event log into features and archive, fire triggers, and let the online model learn.

    Ends on SIGINT or SIGTERM, after the batches under way; with `once`, at the end of what is logged now.
    `stored` is told the number of events of each batch. Of several processes each is given its number, from
    0, and the addresses of all; they and their workers share the partitions of the log.

    Raises:
        StoreError: another flow or an import is writing features, or Redis was started again.
        EbbtideError: another process of the flow ended.
    """
    from features.store.online import OnlineStore
    from models.actions import actions as policies
    from models.churn.scorer import ModelWatcher
    from streaming.action_learner import ActionLearner, OutcomeSink
    from streaming.flow import build, run
    from streaming.item_keeper import ItemKeeper, ItemSink
    from streaming.learner import OnlineLearner
    from streaming.sinks import LearnedSink
    from streaming.sources import LogSource
    from streaming.updater import Updater

    with _told_to_stop() as stop, steady(client) as redis:
        store, log = OnlineStore(redis), open_log(settings, redis)
        learner = OnlineLearner(redis, store, ModelWatcher(redis), clock)
        updater = Updater(
            store,
            clock=clock,
            lateness=settings.lateness_hours * 3600,
            kept_customers=settings.kept_customers,
            follows=learner.follows,
            moments=judged_by(settings, redis, clock),
        )
        policy = policies.load(settings.actions or policies.SHIPPED)
        actions = ActionLearner(redis, {action.id: action for action in policy.actions})
        source = LogSource(log, redis, stop, once=once)
        with nullcontext() if process else held(client, "ebbtide stream"):  # the first holds it for all
            ready()
            flow = build(
                source,
                _sink(settings, redis, log, clock, stored),
                updater,
                *(learner, LearnedSink(redis)),
                *(actions, OutcomeSink(redis)),
                *(ItemKeeper(redis), ItemSink(redis)),
            )
            with nullcontext() if process or once else _beside(settings, client, clock):
                run(flow, workers=workers, process=process, addresses=addresses)


def _sink(
    settings: Settings, redis: Redis, log: EventLog, clock: Clock, stored: Callable[[int], None]
) -> "FeatureSink":
    """Where changes are stored, with all who hear of them."""
    from streaming.checks import Checks
    from streaming.sinks import FeatureSink
    from streaming.undelivered import Undelivered

    return FeatureSink(
        redis,
        RejectedLog(settings.rejected),
        clock,
        log=log,
        archive=LiveArchive(settings.events),
        progress=stored,
        checks=Checks(redis),
        triggers=TriggerLog(redis),
        timers=Timers(redis),
        waiting=Waiting(redis),
        undelivered=Undelivered(redis),
    )


@contextmanager
def _beside(settings: Settings, client: Redis, clock: Clock) -> Iterator[None]:
    """What works beside the flow: who looks at customers at risk, and who tells it that time has passed."""
    with watching(settings, client, clock), ticking(settings, client, clock):
        yield


@contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set as long as the context lasts."""
    stop = threading.Event()

    def end(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
        stop.set()

    before = {signum: signal.signal(signum, end) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
