"""The API as a process of its own: it says when it is ready, stops when told, and loads nothing heavy."""

import json
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from fastapi.testclient import TestClient

from ebbtide.errors import ConfigError
from ebbtide.logs.events import partition_of, stream_key
from serving.server import connect, run
from tests.conftest import running_redis
from tests.serving.api_process import ApiProcess, running_api
from tests.serving.conftest import PARTITIONS, WRITE_KEY, MakeApp, is_problem


@pytest.fixture
def api(redis, redis_server: Path, tmp_path: Path) -> Iterator[ApiProcess]:
    with running_api(redis_server, tmp_path) as found:
        yield found


def test_it_serves_over_http_without_heavy_imports_and_ends_on_sigterm(api: ApiProcess):
    assert api.loaded == []
    with httpx2.Client(base_url=api.address) as client:
        event = {"event": "Order Completed", "userId": "7"}
        assert client.post("/v1/track", json=event, auth=("k", "")).json()["accepted"] == 1
        assert client.get("/readyz").status_code == 200
        answer = client.post("/v1/decisions", json={"customerId": "7"}).json()
        assert answer["customerId"] == "7"
    api.process.send_signal(signal.SIGTERM)
    _, errors = api.process.communicate(timeout=20)
    assert api.process.returncode in (0, -signal.SIGTERM)
    assert errors == ""


def test_head_and_body_of_an_answer_come_in_one_packet(api: ApiProcess):
    lines = (
        b"POST /v1/decisions HTTP/1.1",
        b"Host: x",
        b"Content-Type: application/json",
        b"Content-Length: 18",
    )
    request = b"\r\n".join([*lines, b"", b'{"customerId":"7"}'])
    with socket.create_connection(api.place, 10.0) as connection:
        for _ in range(20):
            connection.sendall(request)
            head, _, body = connection.recv(1 << 20).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK")
            assert json.loads(body)["customerId"] == "7"
        connection.sendall(request.replace(b"Host: x", b"Host: x\r\nConnection: close"))
        assert b"".join(iter(lambda: connection.recv(1 << 20), b"")).endswith(b"}")


def test_a_large_body_is_refused_over_a_real_connection(api: ApiProcess):
    def endless():
        for _ in range(100):
            yield b" " * 10_000

    answer = httpx2.post(f"{api.address}/v1/batch", content=endless(), auth=("k", ""))
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_it_recovers_when_redis_goes_and_comes_back(make_app: MakeApp, redis_folder: Path):
    folder = redis_folder / "second"
    folder.mkdir()
    event, auth = {"event": "Order Completed", "userId": "7", "messageId": "m"}, (WRITE_KEY, "")
    with (
        connect(f"unix://{folder}/r.sock", timeout=1.0) as redis,
        TestClient(make_app(redis=redis)) as client,
    ):
        is_problem(client.get("/readyz"), 503)
        for _ in range(2):
            with running_redis(folder):
                assert client.get("/readyz").status_code == 200
                assert client.post("/v1/track", json=event, auth=auth).json()["accepted"] == 1
                assert redis.xlen(stream_key(partition_of("7", PARTITIONS))) == 1
            is_problem(client.get("/readyz"), 503)
            is_problem(client.post("/v1/track", json=event, auth=auth), 503)
            is_problem(client.post("/v1/decisions", json={"customerId": "7"}), 503)


def test_a_port_in_use_is_one_clear_line(make_app: MakeApp):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ConfigError, match=rf"port {port} on 127\.0\.0\.1.*in use.*EBBTIDE_PORT"
        ) as caught:
            run(make_app(), host="127.0.0.1", port=port, api_key=None, on_ready=print)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "shop.example.org"])
def test_without_an_api_key_it_does_not_listen_beyond_this_machine(make_app: MakeApp, host: str):
    with pytest.raises(ConfigError, match="EBBTIDE_API_KEY"):
        run(make_app(), host=host, port=0, api_key=None, on_ready=print)


def test_an_address_that_is_not_ours_is_one_clear_line(make_app: MakeApp):
    with pytest.raises(ConfigError, match=r"192\.0\.2\.7:0"):
        run(make_app(), host="192.0.2.7", port=0, api_key="k", on_ready=print)


def test_the_client_of_the_api_does_not_wait_for_a_redis_that_hangs():
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        connect(f"redis://127.0.0.1:{silent.getsockname()[1]}", timeout=0.1) as client,
    ):
        answered = threading.Event()

        def ask() -> None:
            with pytest.raises(Exception, match=r"(?i)time"):
                client.ping()
            answered.set()

        threading.Thread(target=ask, daemon=True).start()
        assert answered.wait(5)
