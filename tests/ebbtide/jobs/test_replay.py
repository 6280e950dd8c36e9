"""A decision made again from its receipt comes out the same, or it is said what differs."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from fastapi.testclient import TestClient
from msgspec.structs import replace
from redis import Redis

from ebbtide.domain.customer import Stage
from ebbtide.domain.event import Event
from ebbtide.jobs.progress import silent
from ebbtide.jobs.replay import Replay, replay_decisions
from ebbtide.logs.contacts import Contacts
from ebbtide.logs.decisions import DecisionLog
from ebbtide.logs.events import RedisEventLog
from features.lifecycle import lag
from features.profile import State, new_state, update
from features.signals.testing import order
from features.store.online import OnlineStore
from models.actions.actions import load
from models.churn.artefact import digest, encode
from models.registry.published import KEY, fields
from serving.app import create_app
from tests.serving.conftest import DAY, NOW, TODAY, HandClock, small_model

CUSTOMERS = 300


def customer(number: int) -> State:
    """One who orders for a while, more or less often, until more or less long ago."""
    random, state = Random(number), new_state()
    gap, silence = random.randint(3, 40), random.randint(1, 200)
    for place in reversed(range(random.randint(1, 20))):
        update(state, order(TODAY - silence - place * gap, revenue=random.uniform(5, 90), customer="c"))
    if number % 2:
        update(state, Event("click", "c", "Email Link Clicked", (TODAY - silence) * DAY + number * 3_600.0))
    return state


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOW + 0.123_456_7)


@pytest.fixture
def client(redis: Redis, tmp_path: Path, clock: HandClock) -> Iterator[TestClient]:
    """An API with the policy that ships, a churn model, and customers of all kinds."""
    raw = encode(small_model(base_rate=0.3))
    redis.hset(KEY, mapping=fields("1", raw, digest(raw)))
    OnlineStore(redis).write_many([(f"c{n}", customer(n)) for n in range(CUSTOMERS)])
    log = RedisEventLog(redis, 1)
    app = create_app(
        redis=redis, log=log, write_key="write-key", catalogue=load(), rejected=tmp_path, clock=clock
    )
    with TestClient(app) as found:
        yield found


def decide(client: TestClient, count: int, seed: int = 0) -> None:
    """Ask for decisions on customers drawn at random, some of them unknown."""
    random = Random(seed)
    asked = [
        {
            "customerId": f"c{random.randrange(CUSTOMERS + 20)}",
            "decisionPoint": random.choice(("default", "home_page")),
            "context": {"cart": random.random()},
        }
        for _ in range(count)
    ]
    for start in range(0, count, 1_000):
        block = asked[start : start + 1_000]
        answers = client.post("/v1/decisions/batch", json={"requests": block}).json()["answers"]
        assert all(answer["decision"] for answer in answers)


def replay(redis: Redis, most: int = 10_000) -> Replay:
    return replay_decisions(redis, most=most, progress=silent)


def record(redis: Redis, **changes: object) -> None:
    """Put the newest receipt in the log again, changed."""
    DecisionLog(redis).record(replace(next(DecisionLog(redis).newest()), **changes))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_ten_thousand_decisions_come_out_equal(client: TestClient, redis: Redis, clock: HandClock):
    for hour in range(10):
        clock.now = NOW + hour * 7_300.1  # through quiet hours and out of them
        decide(client, 1_000, seed=hour)
    found = replay(redis)
    assert (found.decisions, found.replayed, found.share) == (10_000, 10_000, 1.0)
    assert (found.missing, found.different) == ({}, {})


def test_decisions_of_every_kind_come_out_equal(client: TestClient, redis: Redis, clock: HandClock):
    clock.now += DAY / 2
    decide(client, 400)
    receipts = list(DecisionLog(redis).newest())
    rules = {(one.excluded or "").partition(":")[0] for each in receipts for one in each.candidates}
    assert rules >= {"", "stage", "consent", "cap", "hold-out", "decision point"}
    assert len({each.chosen for each in receipts}) > 3
    assert any(one.send_at > each.decision.as_of for each in receipts for one in each.decision.actions)
    assert Contacts(redis).read([receipts[0].customer])
    by_curve = [
        each for each in receipts if each.decision.stage is Stage.SLIPPING and lag(each.signals) <= 2.0
    ]
    assert len({each.customer for each in by_curve}) > 5
    assert replay(redis).share == 1.0


def test_what_differs_is_named(client: TestClient, redis: Redis):
    decide(client, 5)
    record(redis, chosen="another", holdout=True)
    found = replay(redis, most=1)
    assert (found.replayed, found.equal, found.share) == (1, 0, 0.0)
    assert list(found.different.values()) == [["chosen", "holdout"]]


def test_another_time_to_send_is_noticed(client: TestClient, redis: Redis):
    decide(client, 1)
    receipt = next(DecisionLog(redis).newest())
    actions = tuple(replace(one, send_at="2001-01-01T00:00:00Z") for one in receipt.decision.actions)
    record(redis, decision=replace(receipt.decision, actions=actions))
    assert list(replay(redis, most=1).different.values()) == [["sendAt"]]


def test_a_changed_signal_is_noticed(client: TestClient, redis: Redis):
    client.post("/v1/decisions", json={"customerId": "c1"})
    receipt = next(DecisionLog(redis).newest())
    record(redis, signals=receipt.signals | {"recency_days": 1_000.0})
    assert "stage" in next(iter(replay(redis, most=1).different.values()))


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("catalog", "catalog"),
        ("actions", "policy"),
        ("model", "churn model"),
        ("responses", "response model"),
    ],
)
def test_versions_no_longer_kept_are_counted_apart(client: TestClient, redis: Redis, name: str, what: str):
    decide(client, 3)
    decision = next(DecisionLog(redis).newest()).decision
    record(redis, decision=replace(decision, versions=replace(decision.versions, **{name: "old"})))
    found = replay(redis, most=1)
    assert (found.decisions, found.replayed, found.share) == (1, 0, None)
    assert found.missing == {f"{what} old": 1}


def test_an_empty_log_has_nothing_to_replay(redis: Redis):
    assert replay(redis) == Replay(0, 0, 0, {}, {})
