"""A decision for everyone, at any time, with a receipt."""

import json
from datetime import datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from ebbtide.domain.ingest import iso
from ebbtide.logs.decisions import DecisionLog
from features.catalog import NAMES, VERSION
from features.profile import new_state, update
from features.signals.testing import order
from features.store.online import OnlineStore
from models.churn.artefact import Churned
from models.churn.curve import ChurnCurve
from models.registry.published import KEY
from serving.schemas_decisions import DecisionResponse
from tests.serving.conftest import (
    DAY,
    LOYAL,
    NOW,
    PLAIN,
    SLIPPING,
    TODAY,
    HandClock,
    MakeApp,
    Publish,
    Seed,
    is_problem,
)


def ask(client: TestClient, customer: Any = "7", **more: Any) -> dict[str, Any]:
    response = client.post("/v1/decisions", json={"customerId": customer, **more})
    assert response.status_code == 200, response.text
    DecisionResponse.model_validate_json(response.content, strict=False)
    return response.json()


def log(redis: Redis) -> DecisionLog:
    return DecisionLog(redis, keep=1000, seconds=1000)


def test_a_loyal_customer_gets_a_full_decision(
    publish: Publish, publish_items: None, seed: Seed, client: TestClient, clock: HandClock
):
    version = publish()
    seed("7", LOYAL)
    clock.now += 5 * DAY  # what they buy each week may be shown again by then
    found = ask(client, explain=True)
    assert (found["known"], found["stage"], found["degraded"]) == (True, "loyal", [])
    assert found["versions"] == {
        "catalog": VERSION,
        "model": version,
        "actions": PLAIN.version,
        "responses": None,
    }
    assert 0 < found["churn"]["probability"]["60"] < 0.5
    assert found["churn"]["reasons"]
    assert found["actions"][0]["propensity"] == 1.0
    assert {one["productId"] for one in found["recommendations"]} & {"milk", "tea"}


def test_the_curve_gives_each_horizon_and_the_median(publish: Publish, seed: Seed, client: TestClient):
    publish()
    seed("loyal", LOYAL)
    seed("slipping", SLIPPING)
    loyal, slipping = ask(client, "loyal")["churn"], ask(client, "slipping")["churn"]
    assert loyal["horizon"] == 60
    assert loyal["probability"]["30"] > loyal["probability"]["60"]
    assert 0 < loyal["medianDays"] < 30
    assert slipping["medianDays"] is None


def test_where_cancellation_is_churn_only_subscribers_can_leave(
    publish: Publish, seed: Seed, redis: Redis, client: TestClient
):
    publish(churned=Churned.CANCEL)
    seed("buyer", LOYAL)
    state = new_state()
    update(state, order(TODAY - 9, name="Subscription Started", customer="subscriber"))
    OnlineStore(redis).write_many([("subscriber", state)])
    assert ask(client, "subscriber")["churn"]["probability"]["60"] > 0
    update(state, order(TODAY - 3, name="Subscription Cancelled", customer="subscriber"))
    OnlineStore(redis).write_many([("subscriber", state)])
    for customer in ("buyer", "subscriber"):
        found = ask(client, customer)
        assert found["churn"] is None
        assert (
            "no running subscription to judge churn by, or one whose end was asked for" in found["degraded"]
        )


def test_a_slipping_customer_is_likelier_to_leave_and_treated_otherwise(
    publish: Publish, seed: Seed, client: TestClient
):
    publish()
    seed("loyal", LOYAL)
    seed("slipping", SLIPPING)
    loyal, slipping = ask(client, "loyal"), ask(client, "slipping")
    assert slipping["churn"]["probability"]["60"] > loyal["churn"]["probability"]["60"]
    assert slipping["stage"] == "slipping"
    assert "going_quiet" in [one["id"] for one in slipping["triggers"]]
    assert slipping["actions"][0]["id"] != loyal["actions"][0]["id"]


def test_who_is_overdue_and_likely_to_leave_is_slipping_and_the_model_is_asked_once(
    publish: Publish, seed: Seed, client: TestClient, monkeypatch: pytest.MonkeyPatch
):
    seed("7", [TODAY - back for back in range(48, 201, 38)])  # 48 days of silence in a rhythm of 35
    assert ask(client)["stage"] == "active"
    publish(base_rate=0.2)
    assert ask(client)["stage"] == "slipping"
    asked = []
    for name in ("predict_one", "predict_few", "predict_many"):
        real = getattr(ChurnCurve, name)
        monkeypatch.setattr(ChurnCurve, name, lambda *given, real=real: asked.append(1) or real(*given))
    found = ask(client)
    assert found["stage"] == "slipping"
    assert found["churn"]["probability"]["60"] == 0.5
    assert len(asked) == 1


def test_silence_alone_raises_the_risk(publish: Publish, seed: Seed, client: TestClient):
    publish()
    seed("7", LOYAL)
    later = iso(NOW + 60 * DAY)
    then = ask(client, test=True, asOf=later)
    assert then["churn"]["probability"]["60"] > ask(client)["churn"]["probability"]["60"]
    assert datetime.fromisoformat(then["asOf"]) == datetime.fromisoformat(later)


def test_an_unknown_customer_is_a_newcomer(publish: Publish, publish_items: None, client: TestClient):
    publish()
    found = ask(client, "nobody")
    assert (found["known"], found["stage"], found["churn"]) == (False, "new", None)
    assert found["degraded"] == ["no order to judge churn by"]
    assert found["actions"]
    assert found["recommendations"]


def test_without_a_model_churn_is_null_and_said_to_be_missing(seed: Seed, client: TestClient):
    seed("7", LOYAL)
    found = ask(client)
    assert found["churn"] is None
    assert found["versions"]["model"] is None
    assert "no churn model" in found["degraded"]


def test_a_model_that_cannot_be_used_is_named(redis: Redis, clock: HandClock, seed: Seed, client: TestClient):
    redis.hset(KEY, mapping={"version": "9", "model": "nonsense", "digest": "0"})
    seed("7", LOYAL)
    clock.now += 2
    found = ask(client)
    assert found["churn"] is None
    assert found["degraded"][0] == "no churn model"
    assert "expected version 9 as it was published" in found["degraded"][1]


def test_a_customer_long_gone_lies_outside_the_model(publish: Publish, seed: Seed, client: TestClient):
    publish()
    seed("7", [TODAY - 300])
    found = ask(client)
    assert found["stage"] == "lost"
    assert found["churn"]["probability"]["60"] == 0.5  # no second order, so the rhythm says nothing
    assert "not trained on such customers" in found["degraded"][0]


def test_reasons_are_given_only_when_asked_for(publish: Publish, seed: Seed, client: TestClient):
    publish()
    seed("7", SLIPPING)
    explained, bare = ask(client, explain=True), ask(client)
    assert explained["churn"]["reasons"]
    assert bare["churn"]["reasons"] == []
    assert bare["churn"]["probability"] == explained["churn"]["probability"]


def test_a_decision_leaves_a_receipt(publish: Publish, seed: Seed, client: TestClient, redis: Redis):
    publish()
    seed("7", LOYAL)
    found = ask(client, decisionPoint="home_page", context={"device": "phone"})
    receipt = log(redis).get(found["decisionId"])
    assert receipt is not None
    assert (receipt.decision_point, receipt.context) == ("home_page", {"device": "phone"})
    assert set(receipt.signals) < set(NAMES)  # what is missing is left out
    assert receipt.signals["recency_days"] == pytest.approx(3.0, abs=1e-3)
    assert receipt.decision.decision_id == found["decisionId"]
    assert 'ebbtide_decisions_total{stage="loyal"} 1.0' in client.get("/metrics").text


def test_a_test_leaves_none(seed: Seed, client: TestClient, redis: Redis):
    seed("7", LOYAL)
    found = ask(client, test=True)
    assert log(redis).get(found["decisionId"]) is None
    assert list(log(redis).newest()) == []
    assert "ebbtide_decisions_total{" not in client.get("/metrics").text


def test_a_decision_expires_after_a_quarter_of_an_hour(client: TestClient):
    found = ask(client)
    times = [datetime.fromisoformat(found[name]).timestamp() for name in ("asOf", "expiresAt")]
    assert times == [NOW, NOW + 900]


@pytest.mark.parametrize(
    "more",
    [
        {"asOf": iso(NOW)},
        {"asOf": "yesterday", "test": True},
        {"asOf": "0001-01-01T00:00:00Z", "test": True},
        {"asOf": "9999-12-31T23:59:59", "test": True},
        {"asOf": iso((TODAY - 4) * DAY), "test": True},
        {"context": {"text": "x" * 9000}},
        {"context": {"n": 1e400}},
        {"context": {"n": "\ud800"}},
        {"context": 5},
        {"limit": 0},
        {"decisionPoint": ""},
        {"customerId": None},
        {"customerId": "x" * 600},
        {"customerId": True},
    ],
)
def test_a_question_that_makes_no_sense_is_a_problem(seed: Seed, client: TestClient, more):
    seed("7", LOYAL)
    body, headers = json.dumps({"customerId": "7", **more}), {"Content-Type": "application/json"}
    is_problem(client.post("/v1/decisions", content=body, headers=headers), 422)


def test_a_number_is_the_same_customer_as_its_text(seed: Seed, client: TestClient):
    seed("7", LOYAL)
    assert ask(client, 7)["known"]
    assert ask(client, 7)["customerId"] == "7"


def test_with_an_api_key_only_its_holders_are_answered(make_app: MakeApp):
    with TestClient(make_app(api_key="clé")) as client:
        for headers in ({}, {"Authorization": "Bearer no"}, {"Authorization": "Basic Y2zDqTo="}):
            response = client.post("/v1/decisions", json={"customerId": "7"}, headers=headers)
            is_problem(response, 401)
            assert response.headers["www-authenticate"].startswith("Bearer")
    with TestClient(make_app(api_key="key")) as client:
        answer = client.post(
            "/v1/decisions", json={"customerId": "7"}, headers={"Authorization": "Bearer key"}
        )
        assert answer.status_code == 200


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    days=st.lists(st.integers(TODAY - 500, TODAY), max_size=40),
    limit=st.integers(1, 50),
    ahead=st.integers(0, 400),
)
def test_no_decision_breaks_its_promises(
    publish: Publish, publish_items: None, seed: Seed, client, days, limit, ahead
):
    publish()
    if days:
        seed("7", days)
    customer = "7" if days else "nobody"
    found = ask(client, customer, limit=limit, test=True, asOf=iso(NOW + ahead * DAY))
    assert 1 <= len(found["actions"]) <= limit
    assert sum(one["propensity"] for one in found["actions"]) == 1.0
    assert len(found["recommendations"]) <= limit
    assert len({one["productId"] for one in found["recommendations"]}) == len(found["recommendations"])
    assert (found["churn"] is None) == (not days)
    for probability in (found["churn"] or {"probability": {}})["probability"].values():
        assert 0 <= probability <= 1
    assert found["known"] == bool(days)
