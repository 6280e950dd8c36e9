"""Decisions answered in front of ASGI: as the route that is documented, and as HTTP wants it."""

import json
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from redis import Redis

from tests.serving.api_process import ApiProcess, running_api

PATH = "/v1/decisions"
KEY = {"Authorization": "Bearer secret"}
AS_OF = "2099-12-31T00:00:00Z"
QUESTION = {"customerId": "7", "test": True, "asOf": AS_OF}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def api(redis_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiProcess]:
    with running_api(redis_server, tmp_path_factory.mktemp("api"), "secret") as found:
        yield found


@pytest.fixture
def connection(api: ApiProcess) -> Iterator[socket.socket]:
    with socket.create_connection(api.place, 10.0) as found:
        yield found


def direct(api: ApiProcess, body: bytes, headers: dict[str, str]) -> httpx2.Response:
    return httpx2.post(api.address + PATH, content=body, headers={**JSON, **headers})


def routed(api: ApiProcess, body: bytes, headers: dict[str, str]) -> httpx2.Response:
    """Asked with a body of no stated length, which the route answers."""
    return httpx2.post(api.address + PATH, content=iter([body]), headers={**JSON, **headers})


def request(customer: str, *, version: str = "1.1", **headers: str) -> bytes:
    body = json.dumps({"customerId": customer}).encode()
    told = {"Host": "x", **KEY, **JSON, "Content-Length": str(len(body)), **headers}
    lines = [f"POST {PATH} HTTP/{version}", *(f"{name}: {value}" for name, value in told.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answers(connection: socket.socket, count: int) -> list[tuple[int, Any]]:
    """Statuses and bodies of so many answers on one connection."""
    found: list[tuple[int, Any]] = []
    held = b""
    while len(found) < count:
        head, end, rest = held.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if not end or length is None or len(rest) < int(length[1]):
            more = connection.recv(1 << 16)
            assert more, f"the connection ended after {len(found)} answers"
            held += more
            continue
        held = rest[int(length[1]) :]
        found.append((int(head.split()[1]), json.loads(rest[: int(length[1])])))
    return found


def exchanged(api: ApiProcess, *headers: str, chunked: bool) -> tuple[list[bytes], bytes]:
    """The head, sorted, and body of the answer to a question with headers as they are, of which two may have
    one name; chunked, the route answers it."""
    body = json.dumps(QUESTION).encode()
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    lines = [f"POST {PATH} HTTP/1.1", "Host: x", "Connection: close", length, *headers, "", ""]
    with socket.create_connection(api.place, 10.0) as connection:
        connection.sendall("\r\n".join(lines).encode())
        connection.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else body)
        whole = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    head, _, answer = whole.partition(b"\r\n\r\n")
    told = sorted(line for line in head.split(b"\r\n") if not line.startswith(b"date:"))
    return told, re.sub(rb'"decisionId":"\w+"', b"", answer)


def without_ids(response: httpx2.Response) -> tuple[int, dict[str, Any], dict[str, str]]:
    headers = {name: value for name, value in response.headers.items() if name != "date"}
    return response.status_code, response.json() | {"decisionId": ""}, headers


@pytest.mark.parametrize("headers", [KEY, KEY | {"Idempotency-Key": "test"}])
def test_the_route_that_is_documented_answers_the_same(api: ApiProcess, headers: dict[str, str]):
    body = json.dumps(QUESTION).encode()
    found = direct(api, body, headers)
    assert found.status_code == 200
    assert without_ids(found) == without_ids(routed(api, body, headers))


JSON_LINE, TEXT_LINE = "Content-Type: application/json", "Content-Type: text/plain"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (["Authorization: BEARER   secret ", "content-type: Application/JSON; charset=utf-8"], 200),
        (["Authorization: Bearer secret", "Authorization: Bearer guessed", JSON_LINE], 200),
        (["Authorization: Bearer guessed", "Authorization: Bearer secret", JSON_LINE], 401),
        (["Authorization: Bearer ", JSON_LINE], 401),
        (["Authorization: Basic secret", JSON_LINE], 401),
        (["Authorization: Bearer secret", JSON_LINE, TEXT_LINE], 200),
        (["Authorization: Bearer secret", TEXT_LINE, JSON_LINE], 415),
        (["Authorization: Bearer secret"], 415),
    ],
)
def test_headers_mean_what_they_mean_to_the_route(api: ApiProcess, headers: list[str], status: int):
    head, body = exchanged(api, *headers, chunked=False)
    assert any(line.startswith(b"HTTP/1.1 %d " % status) for line in head)
    assert (head, body) == exchanged(api, *headers, chunked=True)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", KEY, 422),
        (b"{", KEY, 400),
        (b"\xff", KEY, 400),
        (b"[]", KEY, 422),
        (b"{}", KEY, 422),
        (b'{"customerId": "7", "limit": 0}', KEY, 422),
        (b'{"customerId": "7", "other": 1}', KEY, 422),
        (b'{"customerId": "7", "asOf": "soon"}', KEY, 422),
        (b'{"customerId": "7", "decisionPoint": "nowhere"}', KEY, 422),
        (b'{"customerId": "7"}', {}, 401),
        (b'{"customerId": "7"}', {"Authorization": "Bearer guessed"}, 401),
        (b'{"customerId": "7"}', {**KEY, "Content-Type": "text/plain"}, 415),
    ],
)
def test_what_is_wrong_is_told_as_the_route_tells_it(
    api: ApiProcess, body: bytes, headers: dict[str, str], status: int
):
    found = direct(api, body, headers)
    assert found.status_code == status
    assert found.headers["content-type"] == "application/problem+json"
    assert without_ids(found) == without_ids(routed(api, body, headers))


def test_the_same_key_gives_the_same_decision_either_way(api: ApiProcess):
    headers, body = KEY | {"Idempotency-Key": "mine"}, b'{"customerId": "7"}'
    asked = [ask(api, body, headers).json() for ask in (direct, routed, direct)]
    assert asked[0] == asked[1] == asked[2]
    assert direct(api, body, KEY).json()["decisionId"] != asked[0]["decisionId"]


def test_pipelined_requests_are_answered_in_their_order(connection: socket.socket):
    ready = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"
    refused = request("8", Authorization="Bearer guessed")
    connection.sendall(request("1") + request("2") + ready + refused + request("3") + refused + refused)
    found = answers(connection, 7)
    assert [status for status, _ in found] == [200, 200, 200, 401, 200, 401, 401]
    assert [found[place][1]["customerId"] for place in (0, 1, 4)] == ["1", "2", "3"]


def test_hundreds_of_pipelined_requests_that_are_refused_are_all_answered(connection: socket.socket):
    connection.sendall(request("1") + 500 * request("8", Authorization="Bearer guessed"))
    found = answers(connection, 501)
    assert [status for status, _ in found] == [200] + 500 * [401]


def test_a_request_that_comes_in_pieces_is_answered_once_it_is_whole(connection: socket.socket):
    whole = request("7")
    for start in range(0, len(whole), 40):
        connection.sendall(whole[start : start + 40])
        time.sleep(0.002)
    [(status, body)] = answers(connection, 1)
    assert (status, body["customerId"]) == (200, "7")


def test_a_client_that_asks_whether_to_go_on_is_told_to(connection: socket.socket):
    head, _, body = request("7", Expect="100-continue").partition(b"\r\n\r\n")
    connection.sendall(head + b"\r\n\r\n")
    assert connection.recv(1 << 16).startswith(b"HTTP/1.1 100 Continue")
    connection.sendall(body)
    [(status, answer)] = answers(connection, 1)
    assert (status, answer["customerId"]) == (200, "7")


@pytest.mark.parametrize("last", [request("7", version="1.0"), request("7", Connection="close")])
def test_a_connection_that_is_not_to_be_kept_ends_after_the_answer(connection: socket.socket, last: bytes):
    connection.sendall(last)
    whole = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    assert whole.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nconnection: close\r\n" in whole
    assert whole.endswith(b"}")


def test_who_has_no_key_is_not_told_what_is_wrong_with_the_body(api: ApiProcess):
    assert direct(api, b"{", {}).status_code == 401


@pytest.mark.parametrize(("asked", "half"), [(request("1") + request("2"), False), (request("1"), True)])
def test_clients_that_go_while_it_decides_harm_no_other(
    api: ApiProcess, connection: socket.socket, redis: Redis, asked: bytes, *, half: bool
):
    with ExitStack() as stack:
        going = [stack.enter_context(socket.create_connection(api.place, 10.0)) for _ in range(20)]
        redis.client_pause(500)  # so that nothing is decided before they have gone
        for gone in going:
            gone.sendall(asked)
        connection.sendall(request("7"))
        time.sleep(0.1)
        for gone in going:
            if half:
                gone.shutdown(socket.SHUT_WR)
                assert gone.recv(1) == b""  # uvicorn takes the end of what is sent for the end of all
            else:
                gone.close()
        [(status, answer)] = answers(connection, 1)
    assert (status, answer["customerId"]) == (200, "7")
    assert direct(api, b'{"customerId": "8"}', KEY).status_code == 200


@pytest.mark.slow
def test_a_connection_is_kept_while_it_is_used_and_ends_when_it_is_not(connection: socket.socket):
    for _ in range(4):
        connection.sendall(request("7"))
        assert answers(connection, 1)[0][0] == 200
        time.sleep(2.0)  # of the 5 seconds that uvicorn waits
    assert connection.recv(1) == b""


@pytest.mark.parametrize(("letters", "status"), [(60_000, 422), (600_000, 413)])
def test_a_large_body_is_refused_as_the_route_refuses_it(api: ApiProcess, letters: int, status: int):
    body = json.dumps({"customerId": "7" * letters}).encode()
    assert direct(api, body, KEY).status_code == routed(api, body, KEY).status_code == status


def test_answers_are_counted_and_timed_like_those_of_other_routes(api: ApiProcess):
    counted = re.compile(rf'seconds_count{{method="POST",route="{PATH}",status="(\d+)"}} (\S+)')

    def counts() -> dict[str, float]:
        text = httpx2.get(api.address + "/metrics").text
        return {status: float(count) for status, count in counted.findall(text)}

    before = counts()
    direct(api, b'{"customerId": "7"}', KEY)
    direct(api, b"{}", KEY)
    after = counts()
    assert {status: after[status] - before.get(status, 0.0) for status in ("200", "422")} == {
        "200": 1.0,
        "422": 1.0,
    }


def test_who_waits_when_the_api_is_told_to_stop_is_answered_first(
    redis: Redis, redis_server: Path, tmp_path: Path
):
    with (
        running_api(redis_server, tmp_path, "secret") as api,
        socket.create_connection(api.place, 10.0) as waits,
    ):
        waits.sendall(request("1"))
        answers(waits, 1)
        redis.client_pause(700)
        waits.sendall(request("7"))
        time.sleep(0.2)
        api.process.send_signal(signal.SIGTERM)
        whole = b"".join(iter(lambda: waits.recv(1 << 16), b""))
        assert whole.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nconnection: close\r\n" in whole
        _, errors = api.process.communicate(timeout=20)
        assert errors == ""


def test_without_redis_every_one_is_told_so(tmp_path: Path):
    with running_api(tmp_path / "none.sock", tmp_path, "secret") as api:
        found = direct(api, b'{"customerId": "7"}', KEY)
    assert found.status_code == 503
    assert found.headers["retry-after"] == "1"
    assert found.headers["content-type"] == "application/problem+json"
