"""Receipts as they are kept: small, and made in little time, since each decision waits for its own.

MessagePack in which decision and context are JSON and signals are packed; the names of signals are kept once
for each catalog. Receipts that were kept before, as JSON, can be read as well.
"""

import struct
from typing import Any, NamedTuple

import msgspec

from ebbtide.domain.action import Candidate
from ebbtide.domain.contact import History, Reach
from ebbtide.domain.decision import Decision, Receipt, Signals
from ebbtide.errors import StoreError
from ebbtide.logs.documents import Documents

SIGNALS = "signals"
"""The kind of document that has the names of signals, by the version of their catalog."""


class Written(NamedTuple):
    """A receipt, and its decision as JSON: as it is given, and as it is kept."""

    receipt: Receipt
    decision: bytes


class _Stored(msgspec.Struct, array_like=True):
    """What is kept; the fields are those of a receipt."""

    decision: bytes
    decision_point: str
    context: bytes
    signals: bytes | dict[str, float]
    age_seconds: float | None
    person: str
    at: float
    previous_stage: str
    reach: Reach
    history: History
    candidates: tuple[Candidate, ...]
    chosen: str
    holdout: bool


_to_json = msgspec.json.Encoder().encode
_to_bytes = msgspec.msgpack.Encoder().encode
_stored = msgspec.msgpack.Decoder(_Stored).decode
_decision = msgspec.json.Decoder(Decision).decode
_context = msgspec.json.Decoder(dict[str, Any]).decode
_json = msgspec.json.Decoder(Receipt).decode


def written(receipt: Receipt) -> Written:
    """A receipt with its decision as JSON."""
    return Written(receipt, _to_json(receipt.decision))


class Packer:
    """Turns receipts into bytes and back. Raises `redis.RedisError` if Redis does not answer."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._names: dict[str, tuple[str, ...]] = {}

    def pack(self, one: Written) -> bytes:
        """The bytes of a receipt; the first of a catalog keeps the names of its signals."""
        receipt, signals = one.receipt, one.receipt.signals
        packed: bytes | dict[str, float]
        if isinstance(signals, Signals):
            self._keep(receipt.decision.versions.catalog, signals.names)
            packed = signals.packed
        else:
            packed = dict(signals)
        stored = _Stored(
            decision=one.decision,
            decision_point=receipt.decision_point,
            context=_to_json(receipt.context) if receipt.context else b"{}",
            signals=packed,
            age_seconds=receipt.age_seconds,
            person=receipt.person,
            at=receipt.at,
            previous_stage=receipt.previous_stage,
            reach=receipt.reach,
            history=receipt.history,
            candidates=receipt.candidates,
            chosen=receipt.chosen,
            holdout=receipt.holdout,
        )
        return _to_bytes(stored)

    def unpack(self, raw: bytes) -> Receipt:
        """Read what `pack` wrote.

        Raises:
            StoreError: it is something else, or the names of its signals are not kept.
        """
        try:
            if raw.startswith(b"{"):
                return _json(raw)
            stored = _stored(raw)
            decision = _decision(stored.decision)
            return Receipt(
                decision=decision,
                decision_point=stored.decision_point,
                context=_context(stored.context),
                signals=self._named(decision.versions.catalog, stored.signals),
                age_seconds=stored.age_seconds,
                person=stored.person,
                at=stored.at,
                previous_stage=stored.previous_stage,
                reach=stored.reach,
                history=stored.history,
                candidates=stored.candidates,
                chosen=stored.chosen,
                holdout=stored.holdout,
            )
        except (msgspec.MsgspecError, struct.error) as error:
            raise StoreError(f"decision log: expected a receipt, found something else ({error})") from error

    def _keep(self, catalog: str, names: tuple[str, ...]) -> None:
        if self._names.get(catalog) is not names:
            self._documents.keep(SIGNALS, catalog, _to_json(names))
            self._names[catalog] = names

    def _named(self, catalog: str, signals: bytes | dict[str, float]) -> dict[str, float]:
        if isinstance(signals, dict):
            return signals
        names = self._names.get(catalog)
        if names is None:
            raw = self._documents.get(SIGNALS, catalog)
            if raw is None:
                raise StoreError(
                    f"decision log: expected the names of the signals of catalog {catalog}, found none; "
                    "receipts of that catalog cannot be read without"
                )
            names = self._names[catalog] = msgspec.json.decode(raw, type=tuple[str, ...])
        return dict(Signals(names, signals))
