"""The decision log keeps receipts in order and by id."""

from itertools import islice

import msgspec
import pytest
from redis import Redis

from ebbtide.domain.action import Candidate, RankedAction
from ebbtide.domain.customer import Stage
from ebbtide.domain.decision import Churn, Decision, Reason, Receipt, Recommendation, Trigger, Versions
from ebbtide.errors import StoreError
from ebbtide.logs.decisions import DecisionLog
from ebbtide.logs.receipts import written


def receipt(decision_id: str) -> Receipt:
    decision = Decision(
        decision_id=decision_id,
        customer_id="14911",
        known=True,
        stage=Stage.SLIPPING,
        as_of="2026-01-02T00:00:00Z",
        expires_at="2026-01-02T00:15:00Z",
        churn=Churn({"60": 0.4}, 60, 41.5, (Reason("recency_days", None, 0.3, "last order 31 days ago"),)),
        triggers=(Trigger("going_quiet", "overdue"),),
        actions=(RankedAction("none", "none", "Do nothing", 0.0, 1.0),),
        recommendations=(Recommendation("p1", "Tea", 1.5, "popular now"),),
        versions=Versions("1", None, "abc"),
        degraded=("no churn model",),
    )
    return Receipt(
        decision,
        "default",
        {"page": ["home", {"n": 1}]},
        {"recency_days": 31.0, "gap_mean_days": 14.5},
        age_seconds=60.5,
        at=1_767_312_000.25,
        candidates=(
            Candidate("none", "none", 0.0, 0.0, 1.0),
            Candidate("a", "sms", 0.1, 2.0, 0.0, "hold-out"),
        ),
        holdout=True,
    )


def log(redis: Redis, keep: int = 1000) -> DecisionLog:
    return DecisionLog(redis, keep=keep, seconds=3600)


def test_a_receipt_is_found_by_its_id_as_it_was(redis: Redis):
    log(redis).record(receipt("d1"))
    assert log(redis).get("d1") == receipt("d1")


def test_of_two_receipts_of_one_id_the_first_stays(redis: Redis):
    first, second = receipt("d1"), msgspec.structs.replace(receipt("d1"), holdout=False)
    assert log(redis).record_once(written(first)) == written(first)
    assert log(redis).record_once(written(second)) == written(first)
    assert list(log(redis).newest()) == [first]


def test_an_unknown_id_has_no_receipt(redis: Redis):
    assert log(redis).get("d1") is None


def test_a_receipt_expires(redis: Redis):
    log(redis).record(receipt("d1"))
    assert 3500 < redis.ttl("ebbtide:decision:d1") <= 3600


def test_the_newest_receipts_come_first(redis: Redis):
    for n in range(5):
        log(redis).record(receipt(f"d{n}"))
    assert [found.decision.decision_id for found in islice(log(redis).newest(), 3)] == ["d4", "d3", "d2"]


def test_the_log_is_read_from_the_oldest_on_in_blocks(redis: Redis):
    log(redis).record_many([receipt(f"d{n}") for n in range(5)])
    found, place = [], "0-0"
    while (block := log(redis).after(place, count=2))[0]:
        found.append([one.decision.decision_id for one in block[0]])
        place = block[1]
    assert found == [["d0", "d1"], ["d2", "d3"], ["d4"]]
    assert log(redis).after(place) == ([], place)


def test_an_expired_receipt_ends_no_reading(redis: Redis):
    log(redis).record_many([receipt(f"d{n}") for n in range(3)])
    redis.delete("ebbtide:decision:d0")
    found, place = log(redis).after(count=1)
    assert found == []
    assert [one.decision.decision_id for one in log(redis).after(place)[0]] == ["d1", "d2"]


def test_the_stream_is_bounded(redis: Redis):
    for n in range(600):
        log(redis, keep=100).record(receipt(f"d{n}"))
    assert 100 <= redis.xlen("ebbtide:decisions") < 300


def test_what_is_not_a_receipt_is_named(redis: Redis):
    redis.set("ebbtide:decision:d1", b'{"x": 1}')
    with pytest.raises(StoreError, match="expected a receipt"):
        log(redis).get("d1")
