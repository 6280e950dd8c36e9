"""The decision log: a receipt for every decision, in order and by id."""

from typing import Any

import msgspec
from redis import Redis

from ebbtide.domain.decision import Receipt
from ebbtide.errors import StoreError

STREAM = "ebbtide:decisions"


def _key(decision_id: str) -> str:
    return f"ebbtide:decision:{decision_id}"


def _receipt(raw: bytes) -> Receipt:
    try:
        return msgspec.json.decode(raw, type=Receipt)
    except msgspec.MsgspecError as error:
        raise StoreError(f"decision log: expected a receipt, found something else ({error})") from error


class DecisionLog:
    """Receipts in Redis, as JSON.

    The newest `keep` or a few more stay in the stream; each can be found by its id for `seconds`.
    All methods raise `redis.RedisError` if Redis does not answer.
    """

    def __init__(self, client: Redis, *, keep: int, seconds: int) -> None:
        self._client: Any = client  # redis-py types each answer as sync or async
        self._keep = keep
        self._seconds = seconds

    def record(self, receipt: Receipt) -> None:
        """Log one receipt, in one round trip."""
        raw = msgspec.json.encode(receipt)
        pipeline = self._client.pipeline(transaction=False)
        pipeline.xadd(STREAM, {"raw": raw}, maxlen=self._keep, approximate=True)
        pipeline.set(_key(receipt.decision.decision_id), raw, ex=self._seconds)
        pipeline.execute()

    def get(self, decision_id: str) -> Receipt | None:
        """Return the receipt of a decision; None if there is none, or it has expired.

        Raises:
            StoreError: what is stored is not a receipt.
        """
        raw = self._client.get(_key(decision_id))
        return None if raw is None else _receipt(raw)

    def recent(self, count: int) -> list[Receipt]:
        """Return the newest receipts, newest first.

        Raises:
            StoreError: what is stored is not a receipt.
        """
        return [_receipt(fields[b"raw"]) for _, fields in self._client.xrevrange(STREAM, count=count)]
