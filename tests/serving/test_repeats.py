"""Asked again, a decision stays the same where the one who asks wants that; and its receipt can be read."""

from datetime import datetime

from fastapi.testclient import TestClient

from ebbtide.logs.decisions import DecisionLog
from serving.schemas_decisions import FlatResponse
from tests.serving.conftest import LOYAL, NOW, SLIPPING, HandClock, Publish, Seed, is_problem


def test_the_flat_answer_has_the_decision_in_brief(
    publish: Publish, publish_items: None, seed: Seed, client: TestClient
):
    publish()
    seed("7", SLIPPING)
    response = client.get("/v1/decisions", params={"customerId": "7"})
    found = response.json()
    FlatResponse.model_validate_json(response.content, strict=False)
    whole = client.get(f"/v1/decisions/{found['decisionId']}").json()["decision"]
    assert not [value for value in found.values() if isinstance(value, dict | list)]
    assert (found["action"], found["message"]) == tuple(
        whole["actions"][0][name] for name in ("id", "message")
    )
    assert found["productName"] == whole["recommendations"][0]["name"]
    assert found["churn"] == whole["churn"]["probability"]["60"]


def test_where_nothing_is_to_be_done_there_is_no_message(client: TestClient, seed: Seed, clock: HandClock):
    seed("7", LOYAL)
    for _ in range(3):  # until every cap is reached
        clock.now += 1_000
        found = client.get("/v1/decisions", params={"customerId": "7"}).json()
    assert (found["action"], found["message"]) == ("none", "")


def test_fetched_again_it_is_the_same_until_it_expires(
    client: TestClient, seed: Seed, clock: HandClock, redis
):
    seed("7", LOYAL)
    clock.now = NOW + 600

    def fetch(**more: str):
        return client.get("/v1/decisions", params={"customerId": "7", **more})

    first = fetch()
    clock.now += 899  # another quarter of an hour by the clock
    again = fetch()
    assert again.json() == first.json()
    assert first.headers["cache-control"] == "private, max-age=900"
    assert again.headers["cache-control"] == "private, max-age=1"
    assert fetch(decisionPoint="home_page").json()["decisionId"] != first.json()["decisionId"]
    clock.now += 2
    later = fetch().json()
    assert later["decisionId"] != first.json()["decisionId"]
    assert datetime.fromisoformat(later["expiresAt"]).timestamp() == clock.now + 900
    assert len(list(DecisionLog(redis).newest())) == 3


def test_with_the_same_key_it_is_the_same(client: TestClient, redis):
    def ask(customer: str, key: str) -> dict:
        headers = {"Idempotency-Key": key}
        return client.post("/v1/decisions", json={"customerId": customer}, headers=headers).json()

    first = ask("7", "send-1")
    assert ask("7", "send-1") == first
    assert len({ask(*pair)["decisionId"] for pair in (("8", "send-1"), ("7", "send-2"))}) == 2
    assert len(list(DecisionLog(redis).newest())) == 3


def test_a_batch_sent_again_with_its_key_decides_on_nobody_twice(client: TestClient, seed: Seed, redis):
    seed("7", LOYAL)
    asked = {"requests": [{"customerId": "7"}, {"customerId": "7", "limit": 0}, {"customerId": "8"}]}

    def ask(key: str) -> list[dict]:
        headers = {"Idempotency-Key": key}
        return client.post("/v1/decisions/batch", json=asked, headers=headers).json()["answers"]

    first = ask("night-1")
    assert ask("night-1") == first
    assert len(list(DecisionLog(redis).newest())) == 2
    assert ask("night-2")[0]["decision"]["decisionId"] != first[0]["decision"]["decisionId"]


def test_an_answer_may_be_kept_until_it_expires_and_that_of_a_test_not(client: TestClient):
    for test, kept in ((False, "private, max-age=900"), (True, "no-store")):
        answer = client.post("/v1/decisions", json={"customerId": "7", "test": test})
        assert answer.headers["cache-control"] == kept


def test_the_receipt_shows_what_the_decision_was_made_from(publish: Publish, seed: Seed, client: TestClient):
    publish()
    seed("7", LOYAL)
    made = client.post("/v1/decisions", json={"customerId": "7", "context": {"page": "home"}}).json()
    found = client.get(f"/v1/decisions/{made['decisionId']}").json()
    assert found["decision"] == made
    assert (found["context"], found["decisionPoint"], found["holdout"]) == (
        {"page": "home"},
        "default",
        False,
    )
    assert found["ageSeconds"] == found["signals"]["recency_days"] * 86_400
    assert {"id", "channel", "response", "expectedValue", "propensity", "excluded"} == set(
        found["candidates"][0]
    )


def test_an_unknown_receipt_is_a_problem(client: TestClient):
    assert "'none'" in is_problem(client.get("/v1/decisions/none"), 404)["detail"]
