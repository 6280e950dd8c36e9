"""A decision keeps to the policy: decision points, hold-out, exploration, consent and caps."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from msgspec.structs import replace as replace_struct
from redis import Redis

from ebbtide.domain.event import Event
from ebbtide.domain.ingest import iso
from ebbtide.logs.contacts import Contacts
from ebbtide.logs.decisions import DecisionLog
from features.profile import new_state, update
from features.signals.testing import order
from features.store.online import OnlineStore
from models.actions.actions import ActionCatalogue, parse
from models.actions.exploration import ALWAYS_BEST
from tests.serving.conftest import DAY, LOYAL, NOW, TODAY, HandClock, MakeApp, Seed, is_problem

POLICY = b"""
exploration: none
contact:
  caps:
    - {per: channel, channel: email, most: 1, days: 7}
  consent: {sms: opt_in}
decision_points:
  home_page: {channels: [web], limit: 1}
items: {again_after_days: 0}
actions:
  - id: letter
    channel: email
    message: "Hi {first_name|there}, {product|our tea} is back."
    response: 0.5
    value: 50
    valid: {until: "2100-01-01"}
  - id: banner
    channel: web
    message: Hello again
    when: profile.orders_total > 3.0
    response: 0.1
    value: 20
  - id: text
    channel: sms
    message: Psst
    response: 0.9
    value: 90
"""


def policy(**changes: Any) -> ActionCatalogue:
    return replace(parse(POLICY, "test"), **changes)


@pytest.fixture
def asked(make_app: MakeApp, seed: Seed):
    """Asks an app with the policy above, changed as a test wants."""
    seed("7", LOYAL)
    opened: list[TestClient] = []

    def ask(customer: str = "7", changes: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        client = TestClient(make_app(catalogue=policy(**changes or {})))
        opened.append(client.__enter__())
        response = client.post("/v1/decisions", json={"customerId": customer, **more})
        assert response.status_code == 200, response.text
        return response.json()

    yield ask
    for client in opened:
        client.__exit__(None, None, None)


def receipt(redis: Redis, decision: dict[str, Any]):
    found = DecisionLog(redis).get(decision["decisionId"])
    assert found is not None
    return found


def rules(redis: Redis, decision: dict[str, Any]) -> dict[str, str | None]:
    return {one.id: one.excluded for one in receipt(redis, decision).candidates}


def test_every_exclusion_is_in_the_receipt_with_its_rule(asked, redis: Redis):
    first, second = asked(), asked()
    assert first["actions"][0]["id"] == "letter"
    assert rules(redis, first) == {
        "none": None,
        "letter": None,
        "banner": None,
        "text": "consent: sms needs opt-in for marketing",
    }
    assert rules(redis, second)["letter"] == "cap: 1 per 7 days on email"
    assert second["actions"][0]["id"] == "banner"
    assert rules(redis, asked("nobody"))["banner"] == "when: profile.orders_total > 3.0"


def test_slots_of_the_message_are_filled(asked):
    assert asked("nobody")["actions"][0]["message"] == "Hi there, our tea is back."
    assert asked(context={"first_name": "Ada"})["actions"][0]["message"] == "Hi Ada, milk is back."


def test_a_decision_point_has_its_channels_and_its_limit(asked, redis: Redis):
    found = asked(decisionPoint="home_page")
    assert [one["id"] for one in found["actions"]] == ["banner"]
    assert rules(redis, found)["letter"] == "decision point: home_page has web"


def test_an_unknown_decision_point_is_a_problem_that_names_those_there_are(make_app: MakeApp):
    with TestClient(make_app(catalogue=policy())) as client:
        body = {"customerId": "7", "decisionPoint": "homepage"}
        problem = is_problem(client.post("/v1/decisions", json=body), 422)
    assert "`decisionPoint`: expected one of default, home_page, found 'homepage'" in problem["detail"]
    assert "did you mean 'home_page'?" in problem["detail"]
    assert [fault["pointer"] for fault in problem["errors"]] == ["#/decisionPoint"]


def clicks(customer: str, hour: int) -> Event:
    return Event(f"click-{customer}", customer, "Email Link Clicked", (TODAY - 1) * DAY + hour * 3_600.0)


def test_a_message_is_sent_in_the_hour_in_which_its_customer_answers(asked, redis: Redis):
    state = new_state()
    update(state, clicks("early", 9))
    OnlineStore(redis).write_many([("early", state)])
    patient = {"actions": tuple(replace_struct(one, send="best_hour") for one in policy().actions)}
    first, second = asked("early", patient), asked("early", patient)
    assert first["actions"][0]["id"] == "letter"
    assert first["actions"][0]["sendAt"] == iso(NOW + 9 * 3_600.0)
    assert [one.at for one in receipt(redis, second).history.contacts] == [NOW + 9 * 3_600.0]
    assert rules(redis, second)["letter"] == "cap: 1 per 7 days on email"
    assert asked()["actions"][0]["sendAt"] == iso(NOW)


def test_one_held_out_gets_nothing(asked, redis: Redis):
    found = asked(changes={"holdout": 1.0})
    assert [one["id"] for one in found["actions"]] == ["none"]
    assert receipt(redis, found).holdout
    assert rules(redis, found)["letter"] == "hold-out"


def test_what_is_chosen_stands_first_with_its_propensity(asked, redis: Redis):
    found = [asked(f"c{n}", changes={"exploration": 1.0}) for n in range(12)]
    assert len({one["actions"][0]["id"] for one in found}) > 1
    for one in found:
        kept = receipt(redis, one)
        [chosen] = [each for each in kept.candidates if each.id == kept.chosen]
        assert (one["actions"][0]["id"], one["actions"][0]["propensity"]) == (chosen.id, chosen.propensity)
        assert sum(each.propensity for each in kept.candidates) == pytest.approx(1.0)


def test_a_test_reserves_nothing(asked):
    assert [asked(test=True)["actions"][0]["id"] for _ in range(2)] == ["letter"] * 2


def test_many_decisions_at_once_never_break_a_cap(make_app: MakeApp, redis: Redis):
    with TestClient(make_app(catalogue=policy())) as one, TestClient(make_app(catalogue=policy())) as other:

        def ask(number: int) -> str:
            client = (one, other)[number % 2]
            return client.post("/v1/decisions", json={"customerId": "7"}).json()["actions"][0]["id"]

        with ThreadPoolExecutor(16) as pool:
            chosen = list(pool.map(ask, range(64)))
    assert chosen.count("letter") == 1
    assert len(Contacts(redis).read(["7"])[0].contacts) == 1


def test_one_batch_never_breaks_a_cap_either(make_app: MakeApp, redis: Redis):
    with TestClient(make_app(catalogue=policy())) as client:
        body = {"requests": [{"customerId": "7"}] * 100}
        answers = client.post("/v1/decisions/batch", json=body).json()["answers"]
    chosen = [answer["decision"]["actions"][0]["id"] for answer in answers]
    assert chosen.count("letter") == 1
    late = receipt(redis, answers[1]["decision"])
    assert {one.id: one.excluded for one in late.candidates}["letter"] == "cap: 1 per 7 days on email"


def test_a_cap_holds_for_a_person_and_not_for_an_id(make_app: MakeApp, redis: Redis):
    state = new_state()
    update(state, order(TODAY - 3, customer="7"))
    post = new_state()
    post.merged_into, post.last_at = "7", state.last_at
    OnlineStore(redis).write_many([("7", state), ("device", post)])
    with TestClient(make_app(catalogue=policy())) as client:
        first, second = (
            client.post("/v1/decisions", json={"customerId": one}).json() for one in ("device", "7")
        )
    assert first["actions"][0]["id"] == "letter"
    assert second["actions"][0]["id"] != "letter"
    assert (receipt(redis, first).customer, first["customerId"]) == ("7", "device")


def test_after_the_window_there_is_room_again(make_app: MakeApp, clock: HandClock):
    with TestClient(make_app(catalogue=policy())) as client:

        def chosen() -> str:
            return client.post("/v1/decisions", json={"customerId": "7"}).json()["actions"][0]["id"]

        assert [chosen(), chosen()] == ["letter", "none"]
        clock.now = NOW + 7 * DAY
        assert chosen() == "letter"


def test_without_decision_points_any_name_will_do(make_app: MakeApp):
    points = {"default": policy().decision_points["default"]}
    with TestClient(make_app(catalogue=policy(decision_points=points, exploration=ALWAYS_BEST))) as client:
        answer = client.post("/v1/decisions", json={"customerId": "7", "decisionPoint": "till"})
        assert answer.status_code == 200
