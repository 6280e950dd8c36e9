"""Run the flow over the event log, live."""

import signal
import threading
from collections.abc import Callable
from types import FrameType

from redis import Redis

from ebbtide.clock import Clock
from ebbtide.logs.events import RedisEventLog
from ebbtide.logs.lease import held
from ebbtide.logs.rejected import RejectedLog
from ebbtide.settings import Settings


def stream(
    settings: Settings,
    client: Redis,
    *,
    clock: Clock,
    once: bool = False,
    ready: Callable[[], None] = lambda: None,
    stored: Callable[[int], None] = lambda _: None,
) -> None:
    """Read the event log into features and history, and let the online model learn.

    Ends on SIGINT or SIGTERM, after the batches under way; with `once`, at the end of what is logged now.
    `stored` is told the number of events of each batch.
    """
    from features.store.online import OnlineStore
    from models.scorer import ModelWatcher
    from streaming.flow import build, run
    from streaming.learner import OnlineLearner
    from streaming.sinks import FeatureSink, LearnedSink
    from streaming.sources import LogSource
    from streaming.updater import Updater

    stop = threading.Event()

    def end(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
        stop.set()

    store = OnlineStore(client)
    log = RedisEventLog(client, settings.partitions)
    sink = FeatureSink(
        client, settings.history, RejectedLog(settings.rejected), clock, name="stream", progress=stored
    )
    learner = OnlineLearner(client, store, ModelWatcher(client), clock)
    source = LogSource(log, client, stop, once=once)
    before = {signum: signal.signal(signum, end) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        with held(client, "ebbtide stream"):
            ready()
            run(build(source, sink, Updater(store, clock), learner, LearnedSink(client)))
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
