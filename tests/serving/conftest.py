"""A real API on a real Redis, with a clock that stands still, and customers to ask about."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ebbtide.logs.events import partition_of
from features.profile import new_state, update
from features.signals.testing import order
from features.store.online import OnlineStore
from models.actions import load
from serving.app import create_app

DAY = 86_400.0
TODAY = 20_000
NOW = TODAY * DAY
WRITE_KEY = "write-key"
PARTITIONS = 4
LOYAL = [TODAY - back for back in range(3, 200, 7)]
SLIPPING = [TODAY - back for back in range(60, 200, 9)]

MakeApp = Callable[..., FastAPI]
Seed = Callable[[str, list[int]], None]


@pytest.fixture
def make_app(redis: Redis, tmp_path: Path) -> MakeApp:
    def make(**changes: Any) -> FastAPI:
        given: dict[str, Any] = {
            "redis": redis,
            "write_key": WRITE_KEY,
            "catalogue": load(),
            "rejected": tmp_path / "rejected",
            "partitions": PARTITIONS,
            "clock": lambda: NOW,
        }
        return create_app(**given | changes)

    return make


@pytest.fixture
def client(make_app: MakeApp) -> Iterator[TestClient]:
    with TestClient(make_app(), raise_server_exceptions=False) as found:
        yield found


@pytest.fixture
def dead_redis(tmp_path: Path) -> Redis:
    """A client of a server that is not there."""
    return Redis(unix_socket_path=str(tmp_path / "none.sock"), retry=Retry(NoBackoff(), 0))


@pytest.fixture
def no_redis(make_app: MakeApp, dead_redis: Redis) -> Iterator[TestClient]:
    with TestClient(make_app(redis=dead_redis), raise_server_exceptions=False) as found:
        yield found


@pytest.fixture
def seed(redis: Redis) -> Seed:
    """Write the state of a customer who ordered milk and tea at the start of these days."""

    def write(customer: str, days: list[int]) -> None:
        state = new_state()
        for day in sorted(days):
            update(state, order(day, revenue=20.0, products={"milk": 2, "tea": 1}, customer=customer))
        OnlineStore(redis).write_many([(customer, state)])

    return write


def logged(redis: Redis, customer: str) -> list[bytes]:
    """The events of a customer's partition, as bytes in the log."""
    key = f"ebbtide:{{p{partition_of(customer, PARTITIONS)}}}:events"
    return [fields[b"raw"] for _, fields in redis.xrange(key)]


def is_problem(response: Any, status: int) -> dict[str, Any]:
    """Check that a response is a problem of this status, and return its body."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert {"type", "title", "detail"} <= body.keys()
    return body
