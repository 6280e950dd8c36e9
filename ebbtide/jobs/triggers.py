"""The triggers as jobs: what the flow judges by, and the ticker beside it."""

import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from redis import Redis

from ebbtide.clock import Clock
from ebbtide.jobs.event_log import open_log
from ebbtide.logs.triggers import TriggerLog
from ebbtide.settings import Settings

if TYPE_CHECKING:
    from models.triggers.moments import Moments
    from models.triggers.triggers import Rules

_log = logging.getLogger(__name__)


def rules_of(settings: Settings) -> "Rules":
    """The rules of the file that the settings name. One that cannot be used is named in the log and left out.

    Raises:
        ConfigError: there is no such file, or it is no file of triggers.
    """
    from models.triggers.trigger_file import SHIPPED, usable

    path = settings.triggers or SHIPPED
    rules, faults = usable(path)
    for fault in faults:
        _log.warning("%s: left out: %s", path, fault)
    return rules


def judged_by(settings: Settings, client: Redis, clock: Clock) -> "Moments":
    """What judges the customers of the flow: the rules, and the champion for those that ask for churn.

    Raises:
        ConfigError: there is no file of triggers.
    """
    from models.churn.scorer import ModelWatcher
    from models.triggers.moments import Moments
    from models.triggers.snapshot import churn_by

    rules, models = rules_of(settings), ModelWatcher(client)
    since = TriggerLog(client).in_force_since(rules.version, clock())
    return Moments(rules, churn_by(lambda: models.refresh(clock())), since)


@contextlib.contextmanager
def ticking(settings: Settings, client: Redis, clock: Clock) -> Iterator[None]:
    """Tell the flow, in a thread, that time passes and what is back in stock, while the context lasts."""
    from streaming.restocks import Restocks
    from streaming.ticker import Ticker, run

    log, stop = open_log(settings, client), threading.Event()
    steps = (Ticker(client, log).step, Restocks(client, log).step)
    thread = threading.Thread(target=run, args=(steps, clock, stop), name="ticker", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
