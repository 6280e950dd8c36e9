"""The ticker: sends the flow a tick for each timer that is due, through the event log.

So what silence fires is found by the flow as well, in the order of the customer's events, and nobody else
writes what it remembers. A tick's id comes from customer and moment: one sent twice is one.
"""

import logging
import threading
from collections.abc import Callable, Sequence

from redis import Redis
from redis.exceptions import RedisError

from ebbtide.clock import Clock
from ebbtide.domain import identity
from ebbtide.domain.trigger import tick
from ebbtide.errors import EbbtideError
from ebbtide.logs.events import EventLog, partition_of
from ebbtide.logs.timers import Heard, Timers

SETTLE = 5.0
"""Seconds from a timer's moment to its tick: events of that moment may still be on their way."""
SILENT = 60.0
"""Seconds without an event after which the clock tells the time, and no longer the events."""
BATCH = 1_000
IDLE = 1.0
"""Seconds to wait when nothing is due."""
_log = logging.getLogger(__name__)


Step = Callable[[float], int]
"""Does some of what is due at a moment (Unix seconds, UTC); returns how much that was."""


def run(steps: Sequence[Step], clock: Clock, stop: threading.Event) -> None:
    """Take steps in turn until told to stop. What fails is tried again."""
    while not stop.is_set():
        busy = 0
        for step in steps:
            try:
                busy += step(clock())
            except (EbbtideError, RedisError) as error:
                _log.warning("ticker: %s", error)
        if not busy:
            stop.wait(IDLE)


class Ticker:
    """Sends ticks. Two tickers do no harm.

    Args:
        client: the Redis with the timers.
        log: the event log.
    """

    def __init__(self, client: Redis, log: EventLog) -> None:
        self._timers, self._log = Timers(client), log

    def step(self, now: float) -> int:
        """Send the ticks that are due at `now` (Unix seconds, UTC), some at a time; returns how many.

        Raises:
            redis.RedisError: Redis does not answer.
            StoreError: the log does not.
        """
        heard = self._timers.last_heard()
        due = [
            (timer, _passed(heard.get(partition_of(timer.customer, self._log.partitions)), now))
            for timer in self._timers.due(now - SETTLE, BATCH)
        ]
        sent = [(timer, tick(timer.customer, until)) for timer, until in due if until >= timer.at]
        if sent:
            self._log.append([(t.customer, t.id, identity.encode(t)) for _, t in sent], bounded=False)
            # After the log has them: a death between the two sends them again.
            self._timers.done([timer for timer, _ in sent])
        return len(sent)


def _passed(last: Heard | None, now: float) -> float:
    """Up to when time has passed for the customers of a partition, of which `last` was heard last.

    That is the time of its newest event, for others of that time may wait in the log; but the present, where
    nothing was heard for a minute.
    """
    settled = now - SETTLE
    return settled if last is None or now - last.at >= SILENT else min(last.newest, settled)
