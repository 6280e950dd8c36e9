"""The routes on what fired: pages, filters, and a stream that goes on where it was left."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import msgspec
import pytest
import uvicorn

from ebbtide.domain.trigger import STAGE_ENTERED, Fired
from ebbtide.logs.triggers import LOG, TriggerLog
from serving.routes.triggers import told
from serving.schemas_triggers import EXAMPLE, FiredShape, TriggersResponse
from tests.serving.conftest import is_problem

FIRED = msgspec.convert(EXAMPLE["triggers"][0], Fired)


def one(number, rule="cart_left", customer=None):
    return msgspec.structs.replace(
        FIRED, trigger_id=f"t{number}", rule=rule, customer_id=customer or f"c{number % 2}"
    )


@pytest.fixture
def log(redis):
    """Twelve triggers, the older half of one rule, then two moves to another stage."""
    log = TriggerLog(redis)
    log.put([one(n, "cart_left" if n < 6 else "detractor") for n in range(12)], 0.0)
    log.put([one(n, STAGE_ENTERED) for n in (12, 13)], 0.0)
    return log


def found(client, **query):
    answer = client.get("/v1/triggers", params=query)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return [each["triggerId"] for each in body["triggers"]], body["next"]


def test_without_a_trigger_the_list_is_empty(client):
    assert found(client) == ([], None)


def test_the_newest_come_first_and_stages_only_when_asked_for(client, log):
    assert found(client) == ([f"t{n}" for n in reversed(range(12))], None)
    assert found(client, rule=STAGE_ENTERED)[0] == ["t13", "t12"]


def test_filters_hold(client, log):
    assert found(client, rule="cart_left")[0] == ["t5", "t4", "t3", "t2", "t1", "t0"]
    assert found(client, rule="cart_left", customer="c1")[0] == ["t5", "t3", "t1"]
    assert found(client, customer="nobody")[0] == []


@pytest.mark.parametrize("limit", [1, 2, 3, 11, 12])
@pytest.mark.parametrize("query", [{}, {"customer": "c0"}])
def test_pages_follow_one_another_without_gap_or_repetition(client, log, limit, query):
    whole, _ = found(client, **query, limit=200)
    collected, cursor = [], None
    while True:
        page, cursor = found(client, **query, limit=limit, **({} if cursor is None else {"cursor": cursor}))
        assert len(page) <= limit
        collected += page
        if cursor is None:
            break
    assert collected == whole


def test_a_trigger_fires_once_however_often_it_is_stored(redis, log):
    assert log.put([one(1), one(99)], 0.0) == 1
    assert redis.xlen(LOG) == 15


def test_a_bad_cursor_is_named(client):
    assert "cursor" in is_problem(client.get("/v1/triggers", params={"cursor": "x"}), 422)["detail"]


def test_without_redis_the_list_is_a_503(no_redis):
    is_problem(no_redis.get("/v1/triggers"), 503)


def test_a_key_is_needed_where_one_is_set(make_app, redis):
    from fastapi.testclient import TestClient

    with TestClient(make_app(api_key="secret-key")) as client:
        for path in ("/v1/triggers", "/v1/triggers/stream"):
            is_problem(client.get(path), 401)


def test_the_documented_shape_is_that_of_a_trigger():
    assert list(FiredShape.model_json_schema(by_alias=True)["properties"]) == [
        field.encode_name for field in msgspec.structs.fields(Fired)
    ]
    TriggersResponse.model_validate(EXAMPLE)


def parsed(block):
    """Fields of one server-sent event."""
    return dict(line.split(": ", 1) for line in block.decode().strip().split("\n"))


def some(log, after, count, **given):
    """The first events of a stream."""

    async def read():
        stream = told(log, after, given.get("rule"), given.get("customer"))
        return [parsed(await anext(stream)) for _ in range(count + 1)][1:]

    return asyncio.run(read())


def test_the_stream_tells_triggers_and_stages_and_resumes_behind_the_last_event(log):
    first = some(log, "0-0", 3)
    rest = some(log, first[-1]["id"], 11)
    ids = [json.loads(each["data"])["triggerId"] for each in first + rest]
    assert ids == [f"t{n}" for n in range(14)]
    assert [each["event"] for each in rest][-3:] == ["trigger", "stage", "stage"]


def test_the_stream_takes_filters(log):
    assert json.loads(some(log, "0-0", 1, rule="detractor")[0]["data"])["triggerId"] == "t6"
    told_of = [json.loads(each["data"])["triggerId"] for each in some(log, "0-0", 7, customer="c1")]
    assert told_of == ["t1", "t3", "t5", "t7", "t9", "t11", "t13"]


@contextmanager
def served(app) -> Iterator[str]:
    """The address of a real server."""
    config = uvicorn.Config(app, port=0, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def test_over_http_a_browser_that_comes_back_misses_nothing_and_hears_what_fires_later(make_app, log):
    with served(make_app()) as address, httpx2.Client(base_url=address, timeout=10) as client:
        last = found(client)[0][0]
        place = next(place for place, each in log.walk() if each.trigger_id == last)
        with client.stream("GET", "/v1/triggers/stream", headers={"Last-Event-ID": place}) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = answer.iter_lines()
            heard = []
            for line in lines:
                if line.startswith("data: "):
                    heard.append(json.loads(line[6:])["triggerId"])
                if len(heard) == 2:
                    log.put([one(50)], 0.0)
                if len(heard) == 3:
                    break
            assert heard == ["t12", "t13", "t50"]
