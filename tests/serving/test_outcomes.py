"""What came of a decision goes into the event log, and a failed delivery gives the contact back."""

import json

import pytest
from fastapi.testclient import TestClient
from redis import Redis

from ebbtide.logs.contacts import Contacts
from tests.serving.conftest import LOYAL, Seed, is_problem, logged


def decided(client: TestClient, **more: object) -> dict:
    return client.post("/v1/decisions", json={"customerId": "7", **more}).json()


def test_an_outcome_becomes_an_event_that_cites_the_decision(seed: Seed, client: TestClient, redis: Redis):
    seed("7", LOYAL)
    made = decided(client)
    told = {"decisionId": made["decisionId"], "type": "converted", "value": 12.5}
    assert client.post("/v1/outcomes", json=told).json() == {
        "success": True,
        "duplicate": False,
        "released": False,
    }
    [event] = map(json.loads, logged(redis, "7"))
    assert (event["type"], event["event"], event["userId"]) == ("track", "Decision Outcome", "7")
    assert event["properties"] == {
        "decisionId": made["decisionId"],
        "outcome": "converted",
        "action": made["actions"][0]["id"],
        "value": 12.5,
    }


def test_the_same_outcome_again_changes_nothing(client: TestClient, redis: Redis):
    told = {"decisionId": decided(client)["decisionId"], "type": "clicked"}
    assert [client.post("/v1/outcomes", json=told).json()["duplicate"] for _ in range(3)] == [
        False,
        True,
        True,
    ]
    assert len(logged(redis, "7")) == 1


def test_a_failed_delivery_gives_the_contact_back(seed: Seed, client: TestClient, redis: Redis):
    seed("7", LOYAL)
    told = {"decisionId": decided(client)["decisionId"], "type": "failed"}
    assert Contacts(redis).read(["7"])[0].contacts
    assert [client.post("/v1/outcomes", json=told).json()["released"] for _ in range(2)] == [True, False]
    assert not Contacts(redis).read(["7"])[0].contacts


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"decisionId": "unheard-of"}, "decisionId"),
        ({"type": "liked"}, "type"),
        ({"value": "much"}, "value"),
        ({"timestamp": "soon"}, "timestamp"),
        ({"outcome": "clicked"}, "outcome"),
    ],
)
def test_an_outcome_that_makes_no_sense_is_a_problem_that_names_the_field(client: TestClient, change, field):
    told = {"decisionId": decided(client)["decisionId"], "type": "clicked"}
    assert f"`{field}`" in is_problem(client.post("/v1/outcomes", json=told | change), 422)["detail"]


def test_a_test_and_an_expired_decision_have_no_outcome(client: TestClient, redis: Redis):
    expired = decided(client)["decisionId"]
    redis.delete(f"ebbtide:decision:{expired}")
    for decision in (decided(client, test=True)["decisionId"], expired):
        told = {"decisionId": decision, "type": "clicked"}
        problem = is_problem(client.post("/v1/outcomes", json=told), 422)
        assert "expected the id of a decision of the last 30 days that was no test" in problem["detail"]
        assert [fault["pointer"] for fault in problem["errors"]] == ["#/decisionId"]
