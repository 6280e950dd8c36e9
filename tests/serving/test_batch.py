"""Many questions in one request: each gets its decision, or a problem of its own."""

import pytest
from fastapi.testclient import TestClient

from ebbtide.logs.decisions import DecisionLog
from features.store import layout
from serving.schemas_decisions import MAX_BATCH, BatchResponse
from tests.serving.conftest import LOYAL, SLIPPING, Publish, Seed, is_problem


def ask_many(client: TestClient, requests: list[object]) -> list[dict]:
    response = client.post("/v1/decisions/batch", json={"requests": requests})
    assert response.status_code == 200, response.text
    BatchResponse.model_validate_json(response.content, strict=False)
    return response.json()["answers"]


def test_each_question_gets_the_decision_that_it_would_get_alone(
    publish: Publish, publish_items: None, seed: Seed, client: TestClient
):
    publish()
    seed("loyal", LOYAL)
    seed("slipping", SLIPPING)
    questions = [{"customerId": name, "test": True, "limit": 3} for name in ("slipping", "nobody", "loyal")]
    alone = [client.post("/v1/decisions", json=question).json() for question in questions]
    together = [answer["decision"] for answer in ask_many(client, questions)]
    for one, other in zip(alone, together, strict=True):
        assert one | {"decisionId": ""} == other | {"decisionId": ""}


def test_what_is_wrong_with_one_is_said_in_its_place(seed: Seed, redis, client: TestClient):
    seed("7", LOYAL)
    redis.hset(layout.key("broken"), layout.STATE_FIELD, layout.pack_value(b"nonsense"))
    questions = [
        {"customerId": "7"},
        {"customerId": "7", "limit": 0},
        5,
        {"customerId": "7", "asOf": "2000-01-01T00:00:00Z", "test": True},
        {"customerId": "broken"},
    ]
    good, *bad = ask_many(client, questions)
    assert good["decision"]["known"]
    assert [each["problem"]["status"] for each in bad] == [422, 422, 422, 503]
    assert "`limit`" in bad[0]["problem"]["detail"]
    assert bad[0]["problem"]["errors"][0]["pointer"] == "#/limit"
    assert "`asOf`" in bad[2]["problem"]["detail"]
    assert "state of a customer" in bad[3]["problem"]["detail"]


def test_each_leaves_a_receipt_unless_it_is_a_test(client: TestClient, redis):
    ask_many(client, [{"customerId": f"c{n}", "test": n % 2 == 0} for n in range(150)])
    assert len(list(DecisionLog(redis).newest())) == 75


@pytest.mark.parametrize(
    "body",
    [
        {"requests": []},
        {"requests": [{"customerId": "7"}] * (MAX_BATCH + 1)},
        {"requests": {"customerId": "7"}},
        {"decisions": [{"customerId": "7"}]},
    ],
)
def test_a_batch_that_makes_no_sense_is_a_problem_that_names_the_field(client: TestClient, body):
    problem = is_problem(client.post("/v1/decisions/batch", json=body), 422)
    assert problem["errors"][0]["pointer"] in ("#/requests", "#/decisions")


def test_a_batch_too_large_says_how_large_one_may_be(client: TestClient):
    body = {"requests": [{"customerId": "7"}] * (MAX_BATCH + 1)}
    assert "at most 1000" in is_problem(client.post("/v1/decisions/batch", json=body), 422)["detail"]
