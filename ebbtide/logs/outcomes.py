"""The outcome log: for each decision whose time is up, whether a response came, and what it brought.

Together with the receipts of the decision log it is all that learning and judging policies need.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from redis import Redis

from ebbtide.errors import StoreError

STREAM = "ebbtide:outcomes"
KEPT = 100_000
"""The newest outcomes, or a few more, stay in the log: as many as decisions."""
_CHUNK = 5_000


class Attributed(msgspec.Struct, frozen=True, rename="camel"):
    """What came of a decision within the window of its action, which ended at `due` (Unix seconds, UTC).

    `responded` by what counts as a response to the action; `money` of the orders, whatever counts.
    """

    decision_id: str
    customer_id: str
    action: str
    at: float
    due: float
    responded: bool
    money: float = 0.0


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
