"""A decision shows the customer's ranked list, and a purchase changes the next one."""

import pytest

from features.profile import new_state, update
from features.signals.testing import order
from features.store.online import OnlineStore
from models.recommendations import ranked
from models.recommendations.shown import Alike, Own, Shown, With
from tests.serving.conftest import DAY, NOW, TODAY

LIST = [
    Shown("milk", 0.6, Own(20, (TODAY - 30) * DAY)),
    Shown("bread", 0.3, Alike()),
    Shown("tea", 0.2, With("milk")),
]


@pytest.fixture
def shown(redis, client, publish_items):
    redis.set(ranked.key("7"), ranked.encode("1", NOW - 2 * DAY, LIST))

    def ask(*days, asked="7"):
        state = new_state()
        for day in days:
            update(state, order(day, products={"milk": 1}, customer="7"))
        OnlineStore(redis).write_many([("7", state)])
        answer = client.post("/v1/decisions", json={"customerId": asked, "test": True}).json()
        return [(one["productId"], one["reason"]) for one in answer["recommendations"]]

    return ask


def test_the_list_is_shown_with_its_reasons(shown):
    assert shown(TODAY - 50, TODAY - 30) == [
        ("milk", "you buy it every ~20 days"),
        ("bread", "customers with your taste buy it"),
        ("tea", "bought together with milk"),
    ]


def test_a_purchase_changes_the_next_answer(shown):
    assert shown(TODAY - 50, TODAY - 30)[0][0] == "milk"
    assert shown(TODAY - 50, TODAY - 30, TODAY - 1)[0][0] == "bread"


def test_a_list_is_of_one_customer_alone(shown):
    assert ("tea", "bought together with milk") not in shown(TODAY - 50, asked="8")


def test_a_list_that_ebbtide_did_not_write_spoils_no_answer_but_its_own(redis, client, shown):
    redis.set(ranked.key("8"), b"junk")
    body = {"requests": [{"customerId": "7", "test": True}, {"customerId": "8", "test": True}]}
    good, bad = client.post("/v1/decisions/batch", json=body).json()["answers"]
    assert good["decision"]["recommendations"]
    assert "expected a ranked list" in str(bad)
    assert "decision" not in bad
