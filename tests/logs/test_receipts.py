"""Receipts are kept small, and are read as they were: those of another catalog and those of old as well."""

import math
import struct

import msgspec
import pytest
from redis import Redis

from ebbtide.domain.decision import Signals
from ebbtide.errors import StoreError
from ebbtide.logs.decisions import DecisionLog
from ebbtide.logs.documents import Documents
from ebbtide.logs.receipts import Packer, written
from tests.logs.test_decisions import receipt

NAMES = ("recency_days", "spend_total", "gap_mean_days")
VALUES = (0.1 + 0.2, math.nan, -0.0)


def packed(decision_id: str):
    return msgspec.structs.replace(receipt(decision_id), signals=Signals(NAMES, struct.pack("<3d", *VALUES)))


def test_packed_signals_are_read_by_name_without_those_that_are_missing(redis: Redis):
    raw = Packer(Documents(redis)).pack(written(packed("d1")))
    found = Packer(Documents(redis)).unpack(raw)
    assert found.signals == {"recency_days": 0.1 + 0.2, "gap_mean_days": 0.0}
    assert math.copysign(1.0, found.signals["gap_mean_days"]) == -1.0
    assert msgspec.structs.replace(found, signals={}) == msgspec.structs.replace(packed("d1"), signals={})


def test_a_receipt_kept_as_json_is_still_read(redis: Redis):
    redis.set("ebbtide:decision:d1", msgspec.json.encode(receipt("d1")))
    assert DecisionLog(redis).get("d1") == receipt("d1")


def test_the_names_of_signals_are_those_of_the_receipts_own_catalog(redis: Redis):
    old = packed("d1")
    versions = msgspec.structs.replace(old.decision.versions, catalog="2")
    new = msgspec.structs.replace(
        packed("d2"),
        decision=msgspec.structs.replace(old.decision, decision_id="d2", versions=versions),
        signals=Signals(("another",), struct.pack("<d", 7.0)),
    )
    DecisionLog(redis).record_many([old, new])
    first, second = DecisionLog(redis).get_many(["d1", "d2"])
    assert first is not None
    assert second is not None
    assert set(first.signals) == {"recency_days", "gap_mean_days"}
    assert second.signals == {"another": 7.0}


def test_names_that_are_gone_are_told(redis: Redis):
    DecisionLog(redis).record(packed("d1"))
    redis.delete("ebbtide:{signals}:documents")
    with pytest.raises(StoreError, match="names of the signals of catalog 1"):
        DecisionLog(redis).get("d1")


@pytest.mark.parametrize("raw", [b"", b"\x90", b"\xc1", b"{", b"[1]"])
def test_what_is_no_receipt_is_told(redis: Redis, raw: bytes):
    with pytest.raises(StoreError, match="expected a receipt"):
        Packer(Documents(redis)).unpack(raw)


def test_signals_of_another_number_than_their_names_are_told(redis: Redis):
    Documents(redis).keep("signals", "1", b'["a", "b"]')
    raw = Packer(Documents(redis)).pack(written(packed("d1")))
    with pytest.raises(StoreError, match="expected a receipt"):
        Packer(Documents(redis)).unpack(raw)


def test_a_context_of_any_json_is_kept(redis: Redis):
    odd = msgspec.structs.replace(packed("d1"), context={"big": 2**70, "deep": [{"x": None}], "half": 0.5})
    DecisionLog(redis).record(odd)
    found = DecisionLog(redis).get("d1")
    assert found is not None
    assert found.context["deep"] == [{"x": None}]
