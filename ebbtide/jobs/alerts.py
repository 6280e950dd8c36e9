"""The watch as a job, beside the flow; and the alerts that it raised, as they stand or as they come."""

import contextlib
import threading
from collections.abc import Iterator

from redis import Redis

from ebbtide.clock import Clock
from ebbtide.domain.alert import Alert, Status
from ebbtide.domain.customer import Stage
from ebbtide.logs.alerts import AlertLog
from ebbtide.settings import Settings

WAIT = 1.0
"""Seconds for which a follower waits in one question, so that Ctrl-C is heard."""


@contextlib.contextmanager
def watching(settings: Settings, client: Redis, clock: Clock) -> Iterator[None]:
    """Look at customers whose check is due, in a thread, while the context lasts."""
    from models.churn.risk import Policy
    from models.churn.scorer import ModelWatcher
    from models.value.value import ValueWatcher
    from streaming.watch import Watch

    policy = Policy(settings.risk_threshold, cooldown_days=settings.alert_cooldown_days)
    watch = Watch(client, ModelWatcher(client), ValueWatcher(client), policy)
    stop = threading.Event()
    thread = threading.Thread(target=watch.run, args=(clock, stop), name="watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def standing(
    client: Redis, *, status: Status, least: float = 0.0, stage: Stage | None = None, limit: int
) -> list[Alert]:
    """The alerts of a status, open ones by value at risk, cleared ones newest first; `limit` at most."""
    found: list[Alert] = []
    for _, alert in AlertLog(client).walk(status, least=least):
        if len(found) == limit:
            break
        if alert.value_at_risk >= least and stage in (None, alert.stage):
            found.append(alert)
    return found


def newest(client: Redis) -> str:
    """The place in the log of alerts behind which nothing is yet."""
    return AlertLog(client).newest()


def follow(client: Redis, after: str) -> Iterator[Alert]:
    """Every alert logged behind a place, when it was raised and when it was cleared; never ends."""
    log = AlertLog(client)
    while True:
        for place, alert in log.follow(after, wait=WAIT):
            after = place
            yield alert
