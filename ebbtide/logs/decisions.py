"""The decision log: a receipt for every decision, in order and by id."""

from collections.abc import Iterator, Sequence
from typing import Any

from redis import Redis

from ebbtide import bulk
from ebbtide.domain.decision import Receipt
from ebbtide.logs.documents import Documents
from ebbtide.logs.receipts import Packer, Written, written

STREAM = "ebbtide:decisions"
START = "0-0"
"""The place before all receipts."""
KEPT = 1_000_000
"""Decisions that can be read in order, or a few more."""
KEPT_DAYS = 30
"""How long the receipt of a decision is kept."""
_PAGE = 500


def _key(decision_id: str) -> str:
    return f"ebbtide:decision:{decision_id}"


class DecisionLog:
    """Receipts in Redis: each under its id for `seconds`, and the ids of the newest in a stream.

    The stream has the newest `keep` or a few more. All methods raise `redis.RedisError` if Redis does not
    answer, and StoreError if what is stored is not a receipt.
    """

    def __init__(self, client: Redis, *, keep: int = KEPT, seconds: int = KEPT_DAYS * 86_400) -> None:
        self._client: Any = client  # redis-py types each answer as sync or async
        self._keep = str(keep)
        self._seconds = str(seconds)
        self._packer = Packer(Documents(client))

    def record(self, receipt: Receipt) -> None:
        """Log one receipt, in one round trip."""
        self.record_many([receipt])

    def record_many(self, receipts: Sequence[Receipt]) -> None:
        """Log many receipts, in one round trip.

        It is tried again if Redis closes the connection meanwhile; then an id may stand in the stream twice.
        """
        bulk.ask(self._client, tuple, [each for one in receipts for each in self.commands(written(one))])

    def commands(self, one: Written, *, again: bool = False) -> list[bulk.Command]:
        """What logs a receipt, for `ebbtide.bulk`; `again` puts it in the place of one of the same id."""
        id_ = one.receipt.decision.decision_id
        kept = ("SET", _key(id_), self._packer.pack(one), "EX", self._seconds)
        return [kept] if again else [kept, ("XADD", STREAM, "MAXLEN", "~", self._keep, "*", "id", id_)]

    def record_once(self, one: Written) -> Written:
        """Log one receipt unless there is one of its id; give the one that is in the log."""
        id_ = one.receipt.decision.decision_id
        if self._client.set(_key(id_), self._packer.pack(one), ex=self._seconds, nx=True):
            self._client.xadd(STREAM, {"id": id_}, maxlen=int(self._keep), approximate=True)
            return one
        found = self.get(id_)
        return one if found is None else written(found)

    def get(self, decision_id: str) -> Receipt | None:
        """Return the receipt of a decision; None if there is none, or it has expired."""
        return self.get_many([decision_id])[0]

    def get_many(self, decision_ids: Sequence[str]) -> list[Receipt | None]:
        """Return the receipts of many decisions, in their order, in one round trip."""
        raws = self._client.mget(list(map(_key, decision_ids))) if decision_ids else ()
        return [None if raw is None else self._packer.unpack(raw) for raw in raws]

    def after(self, place: str = START, *, count: int = 1_000) -> tuple[list[Receipt], str]:
        """Return the receipts of the next `count` decisions after a place, oldest first, and where to go on.

        The place stays the same once there are no more. Those that have expired are left out.
        """
        entries = self._client.xrange(STREAM, min=f"({place}", count=count)
        return self._read(entries), entries[-1][0].decode() if entries else place

    def newest(self) -> Iterator[Receipt]:
        """All receipts, newest first; expired ones are left out."""
        highest = "+"
        while entries := self._client.xrevrange(STREAM, max=highest, count=_PAGE):
            yield from self._read(entries)
            highest = f"({entries[-1][0].decode()}"

    def _read(self, entries: Sequence[tuple[bytes, dict[bytes, bytes]]]) -> list[Receipt]:
        found = self.get_many([fields[b"id"].decode() for _, fields in entries])
        return [receipt for receipt in found if receipt is not None]
