"""The outcome log: for each decision whose time is up, whether a response came, and what it brought.

Together with the receipts of the decision log it is all that learning and judging policies need.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from redis import Redis

from ebbtide.errors import StoreError

STREAM = "ebbtide:outcomes"
KEPT = 1_000_000
"""The newest outcomes, or a few more, stay in the log: as many as decisions."""
ALIKE_DAYS = 7.0
"""Days after a decision whose money is counted whatever was done."""
_CHUNK = 5_000


class Attributed(msgspec.Struct, frozen=True, rename="camel"):
    """What came of a decision.

    Attributes:
        decision_id: the decision.
        customer_id: whom it was about.
        action: the one taken.
        at: when, Unix seconds, UTC.
        due: from when on it was known what came of it.
        responded: whether there was a response, by what counts as one to the action, within its window.
        money: that orders brought within the window of the action.
        week: that orders brought within `ALIKE_DAYS`, the same for all actions, so that they compare.
    """

    decision_id: str
    customer_id: str
    action: str
    at: float
    due: float
    responded: bool
    money: float = 0.0
    week: float = 0.0


def append(pipeline: Any, outcomes: Sequence[Attributed], keep: int = KEPT) -> None:
    """Log outcomes with the other writes of a Redis pipeline, so that all are done or none."""
    for outcome in outcomes:
        pipeline.xadd(STREAM, {"raw": msgspec.json.encode(outcome)}, maxlen=keep, approximate=True)


def read(client: Redis) -> Iterator[Attributed]:
    """Every outcome in the log, in the order in which they came due.

    Raises:
        StoreError: what is stored is not an outcome.
        redis.RedisError: Redis does not answer.
    """
    place = "-"
    while True:
        entries: Any = client.xrange(STREAM, min=place, count=_CHUNK)
        for _, fields in entries:
            try:
                yield msgspec.json.decode(fields[b"raw"], type=Attributed)
            except msgspec.MsgspecError as error:
                raise StoreError(
                    f"outcome log: expected an outcome, found something else ({error})"
                ) from error
        if len(entries) < _CHUNK:
            return
        place = f"({entries[-1][0].decode()}"
