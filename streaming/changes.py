"""What travels through the flow: batches of records in, what they changed out."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ebbtide.domain.trigger import Fired
from ebbtide.logs.events import Entry, Offset, Record
from ebbtide.logs.rejected import Rejection
from features.history import Row

IMPORTED = -1
"""The partition of records that come from an import; their offsets are (number of the import, line)."""


class Batch(NamedTuple):
    """Records of one partition, in their order."""

    partition: int
    records: Sequence[Record]


class Changes(NamedTuple):
    """What a batch changed.

    `raws` are the events as logged. `rows` go to the history: each customer's state after each day's last
    event in the batch. `states` are the present ones of all customers touched. `orders` are (customer, Unix
    seconds). `passed_on` goes to other partitions of the log, before the batch is committed. `fired` are the
    triggers; `timers` say of each customer touched when their rules are to be judged next; None: not before
    an event.
    """

    partition: int
    offset: Offset
    raws: list[bytes]
    events: int
    rows: list[Row]
    states: list[Row]
    orders: list[tuple[str, float]]
    rejected: list[Rejection]
    passed_on: list[Entry]
    fired: Sequence[Fired] = ()
    timers: Mapping[str, float | None] = {}
