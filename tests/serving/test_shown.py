"""What a decision shows of what is ranked: as the shop's items and the policy's terms say."""

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from features.signals.testing import order
from models.actions.actions import DecisionPoint
from models.expressions import OF_ITEM, Expression
from models.recommendations.item_rebuild import rebuild
from models.recommendations.item_store import ItemStore
from models.recommendations.offering import Terms
from tests.serving.conftest import LOYAL, PLAIN, SLIPPING, TODAY


def with_terms(**points):
    """The policy with decision points on these terms."""
    made = {name: DecisionPoint(terms=terms) for name, terms in points.items()}
    return replace(PLAIN, decision_points=PLAIN.decision_points | made)


@pytest.fixture
def ask(make_app, publish_items, seed, clock):
    """What is shown to a customer who buys milk and tea, at a decision point."""
    seed("7", SLIPPING)
    seed("loyal", [day + 2 for day in LOYAL])
    clients = []

    def shown(customer="7", point="default", items=(), policy=PLAIN, **asked):
        if not clients:
            client = TestClient(make_app(catalogue=policy))
            clients.append(client.__enter__())
        if items:
            assert clients[0].put("/v1/items", json={"items": list(items)}).json()["accepted"] == len(items)
            clock.now += 30
        body = {"customerId": customer, "decisionPoint": point, "test": True, **asked}
        return clients[0].post("/v1/decisions", json=body).json()["recommendations"]

    yield shown
    for client in clients:
        client.__exit__(None, None, None)


def products(recommendations):
    return [each["productId"] for each in recommendations]


def test_what_the_shop_says_of_an_item_wins_over_what_orders_said(ask):
    assert {each["name"] for each in ask()} == {"milk", "tea", "bread"}
    items = [{"id": "milk", "name": "Oat milk", "url": "https://x/milk", "image": "https://x/milk.jpg"}]
    found = {each["productId"]: each for each in ask(items=items)}
    assert (found["milk"]["name"], found["tea"]["name"]) == ("Oat milk", "tea")
    assert (found["milk"]["url"], found["milk"]["image"]) == ("https://x/milk", "https://x/milk.jpg")
    assert found["bread"]["reason"] == "bought together with Oat milk"
    assert "url" not in found["tea"]


def test_what_is_sold_out_is_not_shown_until_it_is_back(ask):
    assert products(ask(items=[{"id": "milk", "stock": 0}])) == ["tea", "bread"]
    assert set(products(ask(items=[{"id": "milk", "stock": 2}]))) == {"milk", "tea", "bread"}
    assert products(ask(items=[{"id": "milk", "availableUntil": "2024-01-01"}])) == ["tea", "bread"]


def test_what_was_just_bought_is_not_shown_again_before_it_is_due(ask):
    assert products(ask("loyal")) == ["bread"]  # each week, and the last time yesterday
    assert set(products(ask("7"))) == {"milk", "tea", "bread"}


def test_terms_are_those_of_the_decision_point(ask):
    adults = Expression("item.category != 'dairy' || context.age >= 18", OF_ITEM)
    policy = with_terms(strict=Terms(adults, 0.0), basket=Terms(None, 0.0))
    items = [{"id": "milk", "category": "dairy"}, {"id": "tea", "category": "drinks"}]
    assert products(ask(items=items, policy=policy, point="strict")) == [
        "tea"
    ]  # of bread no category is known
    everything = {"milk", "tea"}
    assert set(products(ask(point="strict", context={"age": 30}))) >= everything
    assert set(products(ask("loyal", point="basket"))) >= everything


def test_one_category_leaves_room_for_others(ask):
    items = [{"id": "milk", "category": "drinks"}, {"id": "tea", "category": "drinks"}]
    assert set(products(ask(items=items, limit=2))) & {"bread"}


def test_where_nearly_all_is_sold_out_the_rest_is_found(ask, redis, clock):
    orders = [order(TODAY - 1, products={f"p{number:02}": 1}, customer=f"c{number}") for number in range(40)]
    rebuild(orders, ItemStore(redis))
    clock.now += 30
    gone = [{"id": product, "stock": 0} for product in products(ask("new", limit=30))]
    assert len(gone) == 30
    left = products(ask("new", items=gone, limit=5))
    assert len(left) == 5
    assert not set(left) & {item["id"] for item in gone}
