"""Events in: what passes the rules is logged, what does not is kept with its reason."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from ebbtide.domain.event import EventError
from ebbtide.domain.ingest import accept
from ebbtide.logs.events import Entry, EventLog
from ebbtide.logs.rejected import RejectedLog, Rejection
from serving.metrics import Metrics, faulty_field

SOURCE = "api"
"""The name of the API in the rejected log."""


@dataclass(frozen=True)
class Refusal:
    """An event refused: its place in the batch, counted from 0, and why."""

    index: int
    reason: str


@dataclass(frozen=True)
class Taken:
    """What became of a batch. `accepted` are in the log; `duplicates` of them were there before."""

    accepted: int
    duplicates: int
    refused: list[Refusal]


class Intake:
    """Checks and logs events. May be shared by threads."""

    def __init__(self, log: EventLog, rejected: RejectedLog, metrics: Metrics) -> None:
        self._log = log
        self._rejected = rejected
        self._metrics = metrics

    @property
    def waits(self) -> bool:
        """Whether `take` waits for others so long that it belongs in a thread, not in the event loop."""
        return self._log.waits

    def take(self, calls: Sequence[object], *, received_at: float, sent_at: object = None) -> Taken:
        """Log the good ones, then keep the bad ones in the rejected log.

        When it returns, the good ones are in the log. Were the log to fail, nothing is kept, and the sender's
        retry finds all as it was.

        Args:
            calls: calls of the tracking API as decoded from JSON.
            received_at: the present, in Unix seconds, UTC.
            sent_at: `sentAt` of the batch, for calls that have none.

        Raises:
            redis.RedisError: the log cannot be reached; no event is acknowledged.
        """
        entries: list[Entry] = []
        types: Counter[str] = Counter()
        refused: list[Refusal] = []
        for index, call in enumerate(calls):
            try:
                raw, event = accept(call, received_at=received_at, message_id=uuid4().hex, sent_at=sent_at)
            except EventError as error:
                refused.append(Refusal(index, str(error)))
            else:
                entries.append((event.customer, event.id, raw))
                types[call["type"]] += 1  # type: ignore[index] # accepted, hence an object
        logged = self._log.append(entries)
        rejections = [Rejection(one.index, one.reason, calls[one.index]) for one in refused]
        self._rejected.reject_many(SOURCE, rejections, at=received_at)
        self._count(types, len(entries) - logged, refused)
        return Taken(len(entries), len(entries) - logged, refused)

    def _count(self, types: Counter[str], duplicates: int, refused: list[Refusal]) -> None:
        for type_, count in types.items():
            self._metrics.received.labels(type_).inc(count)
        self._metrics.duplicates.inc(duplicates)
        for one in refused:
            self._metrics.rejected.labels(faulty_field(one.reason)).inc()
