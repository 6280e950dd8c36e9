"""Events that get a 200 are in the log, once; all others are named and kept aside."""

import gzip
import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from ebbtide.domain.event import decode
from ebbtide.domain.ingest import MAX_BATCH_BYTES, MAX_EVENT_BYTES, iso
from ebbtide.logs.events import BEGINNING, Entry, MemoryEventLog, RedisEventLog
from tests.serving.conftest import NOW, PARTITIONS, WRITE_KEY, MakeApp, is_problem, logged

AUTH = (WRITE_KEY, "")
ORDER = {
    "type": "track",
    "event": "Order Completed",
    "userId": "7",
    "messageId": "m1",
    "timestamp": iso(NOW - 60),
}


def send(client: TestClient, batch: Any, **more: Any) -> Any:
    return client.post("/v1/batch", json={"batch": batch, **more}, auth=AUTH)


def rejected(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "rejected" / "api.jsonl").read_text().splitlines()]


def test_a_batch_is_logged_and_acknowledged(client: TestClient, redis: Redis):
    response = send(client, [ORDER, {**ORDER, "messageId": "m2", "event": "Product Viewed"}])
    assert response.status_code == 200
    assert response.json() == {"success": True, "accepted": 2, "duplicates": 0, "rejected": []}
    assert [decode(raw).name for raw in logged(redis, "7")] == ["Order Completed", "Product Viewed"]


def test_a_retry_is_acknowledged_and_logged_once(client: TestClient, redis: Redis):
    send(client, [ORDER])
    assert send(client, [ORDER]).json() == {"success": True, "accepted": 1, "duplicates": 1, "rejected": []}
    assert len(logged(redis, "7")) == 1


def test_a_bad_event_is_named_and_kept_and_the_rest_goes_on(client: TestClient, redis: Redis, tmp_path: Path):
    bad = {**ORDER, "messageId": "m2", "timestamp": "soon"}
    response = send(client, [bad, ORDER, "text"])
    assert response.status_code == 200
    assert response.json()["accepted"] == 1
    assert [one["index"] for one in response.json()["rejected"]] == [0, 2]
    assert "expected an ISO 8601 time, found 'soon'" in response.json()["rejected"][0]["reason"]
    assert len(logged(redis, "7")) == 1
    assert [(one["line"], one["raw"]) for one in rejected(tmp_path)] == [(0, bad), (2, "text")]


def test_a_batch_with_no_good_event_is_a_problem(client: TestClient, tmp_path: Path):
    body = is_problem(send(client, [{"type": "trick"}]), 400)
    assert body["rejected"][0]["index"] == 0
    assert "found 'trick'" in body["detail"]
    assert len(rejected(tmp_path)) == 1


@pytest.mark.parametrize("path", ["track", "identify", "page", "screen", "group", "alias"])
def test_the_path_of_a_single_call_sets_its_type(client: TestClient, redis: Redis, path: str):
    call = {"userId": "7", "event": "Order Completed", "previousId": "x", "type": "nonsense"}
    assert client.post(f"/v1/{path}", json=call, auth=AUTH).json()["accepted"] == 1
    assert json.loads(logged(redis, "7")[0])["type"] == path


def test_a_bad_single_call_is_a_problem(client: TestClient):
    assert "`userId`" in is_problem(client.post("/v1/track", json={"event": "x"}, auth=AUTH), 400)["detail"]


def test_the_batch_time_corrects_the_sender_clock(client: TestClient, redis: Redis):
    send(client, [{**ORDER, "timestamp": iso(NOW + 7200 - 60)}], sentAt=iso(NOW + 7200))
    assert decode(logged(redis, "7")[0]).at == NOW - 60


@pytest.mark.parametrize(("ahead", "accepted"), [(3_600, 1), (3_601, 0)])
def test_a_time_more_than_an_hour_in_the_future_is_refused_with_its_reason(
    client: TestClient, redis: Redis, tmp_path: Path, ahead: float, accepted: int
):
    said = send(client, [{**ORDER, "timestamp": iso(NOW + ahead)}]).json()
    assert len(logged(redis, "7")) == accepted
    if not accepted:
        assert "expected a time up to an hour after its receipt" in said["rejected"][0]["reason"]
        assert "lies in the future" in rejected(tmp_path)[0]["reason"]


def test_an_event_without_message_id_is_given_one(client: TestClient, redis: Redis):
    send(client, [{"type": "identify", "userId": "7"}, {"type": "identify", "userId": "7"}])
    assert len({decode(raw).id for raw in logged(redis, "7")}) == 2


def test_gzip_is_understood(client: TestClient, redis: Redis):
    packed = gzip.compress(json.dumps({"batch": [ORDER]}).encode())
    response = client.post("/v1/batch", content=packed, headers={"Content-Encoding": "gzip"}, auth=AUTH)
    assert response.json()["accepted"] == 1
    assert len(logged(redis, "7")) == 1


@pytest.mark.parametrize(
    ("content", "encoding", "status"),
    [
        (b"x" * (MAX_BATCH_BYTES + 1), "identity", 413),
        (gzip.compress(b" " * 50_000_000), "gzip", 413),
        (b"not gzip", "gzip", 400),
        (gzip.compress(b'{"batch": []}')[:-9], "gzip", 400),
        (b"{}", "br", 415),
        (b"{", "identity", 400),
        (b"\xff", "identity", 400),
        (b"[" * 100_000, "identity", 400),
        (b"[]", "identity", 400),
        (b"{}", "identity", 400),
        (b'{"batch": []}', "identity", 400),
        (b'{"batch": {}}', "identity", 400),
    ],
)
def test_a_body_that_cannot_be_read_is_a_problem(client: TestClient, content, encoding, status):
    response = client.post("/v1/batch", content=content, headers={"Content-Encoding": encoding}, auth=AUTH)
    is_problem(response, status)


def test_the_size_is_counted_while_reading_not_believed(client: TestClient):
    def chunks():
        for _ in range(20):
            yield b" " * 50_000

    is_problem(client.post("/v1/batch", content=chunks(), auth=AUTH), 413)


def test_a_single_call_has_32_kilobytes_at_most(client: TestClient, redis: Redis):
    call = {"event": "x", "userId": "7", "properties": {"text": "x" * MAX_EVENT_BYTES}}
    is_problem(client.post("/v1/track", json=call, auth=AUTH), 413)
    answer = send(client, [ORDER, {"type": "track", **call}]).json()
    assert answer["accepted"] == 1
    assert "expected at most 32768 bytes" in answer["rejected"][0]["reason"]
    assert len(logged(redis, "7")) == 1


@pytest.mark.parametrize("auth", [None, ("wrong", ""), ("", WRITE_KEY), ("clé", "")])
def test_events_need_the_write_key(client: TestClient, redis: Redis, auth):
    response = client.post("/v1/batch", json={"batch": [ORDER]}, auth=auth)
    is_problem(response, 401)
    assert response.headers["www-authenticate"].startswith("Basic")
    assert logged(redis, "7") == []


def test_without_redis_nothing_is_acknowledged(no_redis: TestClient, tmp_path: Path):
    response = send(no_redis, [ORDER, "bad"])
    is_problem(response, 503)
    assert int(response.headers["retry-after"]) >= 1
    assert not (tmp_path / "rejected").exists()


def test_a_log_of_other_partitions_is_not_written_to(client: TestClient, redis: Redis):
    RedisEventLog(redis, PARTITIONS + 1).length()
    assert "EBBTIDE_PARTITIONS" in is_problem(send(client, [ORDER]), 500)["detail"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FIELDS = (
    "type",
    "event",
    "userId",
    "messageId",
    "timestamp",
    "sentAt",
    "properties",
    "traits",
    "originalTimestamp",
)
CALLS = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5).map(lambda odd: {**ORDER, **odd}) | JSON


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=st.lists(CALLS, min_size=1, max_size=4))
def test_whatever_json_comes_each_event_is_logged_or_named(client: TestClient, redis: Redis, batch):
    redis.flushall()
    response = send(client, batch)
    assert response.status_code in (200, 400), response.text
    body = response.json()
    named = len(body["rejected"])
    log = RedisEventLog(redis, PARTITIONS)
    assert log.length() + body.get("duplicates", 0) + named == len(batch)
    for partition in range(PARTITIONS):
        for record in log.read(partition, BEGINNING, 10):
            decode(record.raw)


def test_text_that_no_encoding_holds_is_a_problem(client: TestClient):
    half = b'{"batch": [{"type": "identify", "userId": "\\ud800", "messageId": "m"}]}'
    is_problem(client.post("/v1/batch", content=half, auth=AUTH), 400)


@pytest.mark.parametrize(
    "moment", [-1e20, 1e300, -1e308, 1e12, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59"]
)
def test_a_time_that_no_calendar_holds_is_refused(client: TestClient, moment):
    assert "`timestamp`" in is_problem(send(client, [{**ORDER, "timestamp": moment}]), 400)["detail"]


def test_what_is_taken_is_counted_by_type_and_what_is_not_by_field(client: TestClient):
    send(client, [ORDER, ORDER, {**ORDER, "timestamp": "soon"}, 5])
    text = client.get("/metrics").text
    assert 'ebbtide_events_received_total{type="track"} 2.0' in text
    assert "ebbtide_events_duplicate_total 1.0" in text
    assert 'ebbtide_events_rejected_total{field="timestamp"} 1.0' in text
    assert 'ebbtide_events_rejected_total{field="other"} 1.0' in text


class SlowLog(MemoryEventLog):
    """A log that takes an event once something else has happened, as Kafka does once its replicas have it."""

    waits = True

    def __init__(self) -> None:
        super().__init__(PARTITIONS)
        self.asked, self.happened = threading.Event(), threading.Event()
        self.in_time = False

    def append(self, entries: Sequence[Entry], *, bounded: bool = True) -> int:
        self.asked.set()
        self.in_time = self.happened.wait(5)
        return super().append(entries, bounded=bounded)


def test_others_are_answered_while_an_event_waits_for_the_log(make_app: MakeApp):
    log = SlowLog()
    with TestClient(make_app(log=log)) as client, ThreadPoolExecutor(1) as pool:
        sent = pool.submit(client.post, "/v1/track", json={**ORDER}, auth=AUTH)
        assert log.asked.wait(5)
        assert client.get("/healthz").status_code == 200
        log.happened.set()
        assert sent.result().status_code == 200
    assert log.in_time
