"""What travels through the flow: batches of records in, what they changed out."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from ebbtide.domain.event import Event
from ebbtide.domain.trigger import Fired
from ebbtide.logs.events import Entry, Offset, Record
from ebbtide.logs.rejected import Rejection
from features.store.row import Row
from models.recommendations.item_statistics import Told

IMPORTED = -1
"""The partition of records that come from an import; their offsets are (number of the import, line)."""


class Batch(NamedTuple):
    """Records of one partition, in their order."""

    partition: int
    records: Sequence[Record]


class Changes(NamedTuple):
    """What a batch changed.

    `raws` are the events taken from the log, as logged, for the archive: not what was rejected, nor what was
    taken before. `events` counts what was read. `states` are the present ones of the customers touched. Of
    followed customers `day_ends` are the states at the end of earlier days in the batch, oldest first.
    `orders` are (customer, Unix seconds). `passed_on` goes to other partitions of the log, before the batch
    is committed. `fired` are the triggers; `timers` say of each customer touched when their rules are to be
    judged next; None: not before an event. Of the customers `looked_at` nothing was heard: time passed for
    them. `looks` are views of products and additions to a cart; `told` are orders and views, for the
    statistics of products.
    """

    partition: int
    offset: Offset
    raws: list[bytes]
    events: int
    states: list[Row]
    day_ends: list[Row]
    orders: list[tuple[str, float]]
    rejected: list[Rejection]
    passed_on: list[Entry]
    fired: Sequence[Fired] = ()
    timers: Mapping[str, float | None] = {}
    looked_at: Collection[str] = ()
    looks: Sequence[Event] = ()
    told: Sequence[Told] = ()

    def heard(self) -> list[Row]:
        """The present states of those of whom something was heard."""
        return [row for row in self.states if row.customer not in self.looked_at]
