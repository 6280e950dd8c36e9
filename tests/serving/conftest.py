"""A real API on a real Redis, with a clock that a test moves, a small model and customers to ask about."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ebbtide.logs.events import RedisEventLog, partition_of
from features.catalog import NAMES, VERSION
from features.profile import new_state, update
from features.signals.testing import order
from features.store.online import OnlineStore
from models.actions.actions import load
from models.actions.exploration import ALWAYS_BEST
from models.churn.artefact import Artefact, Churned, Horizon, Linear, Scale, digest, encode
from models.churn.curve import ChurnCurve
from models.recommendations.item_rebuild import rebuild
from models.recommendations.item_store import ItemStore
from models.registry.published import KEY, fields
from serving.app import create_app
from tests.churn_model import trees

DAY = 86_400.0
TODAY = 20_000
NOW = TODAY * DAY
WRITE_KEY = "write-key"
PARTITIONS = 4
LOYAL = [TODAY - back for back in range(3, 200, 7)]
SLIPPING = [TODAY - back for back in range(35, 200, 9)]

SHIPPED = load()
PLAIN = replace(
    SHIPPED,
    exploration=ALWAYS_BEST,
    holdout=0.0,
    contact=msgspec.structs.replace(SHIPPED.contact, quiet_hours=None),
)
"""The policy that ships, with nobody held out, nothing tried, no quiet hours: its choice can be foreseen."""

MakeApp = Callable[..., FastAPI]
Seed = Callable[[str, list[int]], None]
Publish = Callable[..., str]


@dataclass
class HandClock:
    """Shows the same moment until it is moved."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def make_app(redis: Redis, tmp_path: Path, clock: HandClock) -> MakeApp:
    def make(**changes: Any) -> FastAPI:
        client = changes.get("redis", redis)
        given: dict[str, Any] = {
            "redis": client,
            "log": RedisEventLog(client, PARTITIONS),
            "write_key": WRITE_KEY,
            "catalogue": PLAIN,
            "rejected": tmp_path / "rejected",
            "clock": clock,
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


def small_model(**changes: Any) -> Artefact:
    """A churn model of two stumps: silence over 60 days, and with odds e times as high over 30."""
    nothing = (0.0,) * len(NAMES)
    stumps = trees(("overdue_ratio", 2.0), ("recency_days", 30.0), leaf=1.5)
    horizons = tuple(
        Horizon(days, stumps, Linear(nothing, nothing, bias), 1.0, 1.0)
        for days, bias in ((30, 1.0), (60, 0.0))
    )
    given: dict[str, Any] = {
        "catalog": VERSION,
        "names": NAMES,
        "churned": Churned.SILENCE,
        "active": 120,
        "main": 60,
        "scale": Scale(nothing, nothing),
        "horizons": horizons,
        "example": tuple(float(n) for n in range(len(NAMES))),
    }
    made = Artefact(**given | changes)
    expected = ChurnCurve(made).predict_one([math.nan if x is None else x for x in made.example])
    return msgspec.structs.replace(made, expected=tuple(expected))


@pytest.fixture
def publish(redis: Redis, clock: HandClock) -> Publish:
    """Publish a small churn model as training does, wait until the API looks, and return its version."""

    def write(**changes: Any) -> str:
        raw = encode(small_model(**changes))
        redis.hset(KEY, mapping=fields("1", raw, digest(raw)))
        clock.now += 2
        return "1"

    return write


@pytest.fixture
def publish_items(redis: Redis) -> None:
    """Publish what a few orders of milk, tea and bread say about products."""
    baskets = ({"milk": 1, "tea": 1}, {"milk": 1, "bread": 1}, {"tea": 2})
    orders = [order(TODAY - n, products=baskets[n % 3], customer=f"c{n % 5}") for n in range(1, 60)]
    rebuild(orders, ItemStore(redis))
