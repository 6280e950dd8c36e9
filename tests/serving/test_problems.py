"""Every error is application/problem+json, and none tells of the inside."""

import logging

import pytest
from fastapi.testclient import TestClient
from redis import Redis

from ebbtide.errors import ConfigError, EbbtideError, InputError, StoreError
from features.store import layout
from tests.serving.conftest import MakeApp, is_problem


def test_an_unknown_path_is_a_problem(client: TestClient):
    body = is_problem(client.get("/nowhere"), 404)
    assert (body["title"], body["detail"]) == (
        "Not Found",
        "expected a path that `/docs` lists, found another",
    )


def test_a_wrong_method_is_a_problem_that_names_the_right_one(client: TestClient):
    response = client.get("/v1/outcomes")
    assert is_problem(response, 405)["detail"] == "expected the method POST, found another"
    assert response.headers["allow"] == "POST"


def test_a_wrong_method_of_a_path_with_several_is_told_all_of_them(client: TestClient):
    response = client.delete("/v1/decisions")
    assert is_problem(response, 405)["detail"] == "expected one of the methods GET, POST, found another"
    assert response.headers["allow"] == "GET, POST"


def test_each_faulty_field_is_named(client: TestClient):
    question = {"customerId": "", "limit": 51, "explain": "maybe", "custmerId": "7"}
    body = is_problem(client.post("/v1/decisions", json=question), 422)
    assert {fault["pointer"]: fault["detail"] for fault in body["errors"]} == {
        "#/customerId": "expected text of at least 1 letter(s) or an integer, found ''",
        "#/limit": "expected a number of at most 50, found 51",
        "#/explain": "expected true or false, found 'maybe'",
        "#/custmerId": "expected no such field, found '7'",
    }
    assert "`limit`: expected a number of at most 50, found 51" in body["detail"]


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_not_json_is_a_problem(client: TestClient, content: bytes):
    headers = {"Content-Type": "application/json"}
    is_problem(client.post("/v1/decisions", content=content, headers=headers), 400)


@pytest.mark.parametrize("path", ["/v1/decisions", "/v1/decisions/batch", "/v1/outcomes"])
def test_a_body_that_no_header_calls_json_is_a_problem_that_names_the_header(client: TestClient, path: str):
    told = is_problem(client.post(path, content=b'{"customerId": "7"}'), 415)["detail"]
    assert "expected JSON and the header `Content-Type: application/json`" in told


def test_a_body_that_is_too_large_is_a_problem(client: TestClient):
    is_problem(client.post("/v1/decisions", json={"customerId": "7", "context": {"x": "y" * 600_000}}), 413)


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (InputError("what was given"), 422, True),
        (StoreError("what is stored"), 503, True),
        (ConfigError("what is set"), 500, True),
        (EbbtideError("what else"), 500, True),
        (RuntimeError("secret inside"), 500, False),
    ],
)
def test_an_error_of_ours_is_told_and_any_other_is_not(make_app: MakeApp, error, status, told, caplog):
    caplog.set_level(logging.CRITICAL)
    app = make_app()

    @app.get("/raise")
    async def fail() -> None:
        raise error

    with TestClient(app, raise_server_exceptions=False) as client:
        response = client.get("/raise")
    is_problem(response, status)
    assert (str(error) in response.text) is told
    assert "Traceback" not in response.text


def test_without_redis_a_decision_is_a_problem_that_asks_to_try_again(no_redis: TestClient):
    response = no_redis.post("/v1/decisions", json={"customerId": "7"})
    is_problem(response, 503)
    assert response.headers["retry-after"] == "1"


def test_a_state_of_another_catalog_is_a_problem_that_says_what_to_do(client: TestClient, redis: Redis):
    redis.hset(layout.key("7"), layout.STATE_FIELD, layout.pack_value(b"\x93\xa11"))
    assert (
        "import the events again"
        in is_problem(client.post("/v1/decisions", json={"customerId": "7"}), 503)["detail"]
    )
