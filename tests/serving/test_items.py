import json

import pytest
from fastapi.testclient import TestClient

from ebbtide.domain.item import FIELDS, MAX_ID, Item
from ebbtide.logs.items import MOST
from serving.schemas_items import ITEM, ItemShape, StoredItemShape
from tests.serving.conftest import is_problem


def put(client, *items, **more):
    return client.put("/v1/items", json={"items": list(items)}, **more)


def test_an_item_that_was_put_can_be_read(client):
    answer = put(client, ITEM, {"id": 7, "stock": 0})
    assert answer.json() == {
        "accepted": 2,
        "answers": [{"id": "tea-100", "new": True}, {"id": "7", "new": True}],
    }
    assert client.get("/v1/items/tea-100").json() == ITEM | {"availableFrom": "2026-01-01T00:00:00Z"}
    assert client.get("/v1/items/7").json()["soldOutSince"] == "2024-10-04T00:00:00Z"
    assert put(client, {"id": "tea-100", "price": 5}).json()["answers"] == [{"id": "tea-100", "new": False}]
    assert client.get("/v1/items/tea-100").json()["price"] == 5
    assert client.get("/v1/items/tea-100").json()["name"] == ITEM["name"]


def test_an_id_with_a_slash_or_a_space_is_an_id_too(client):
    put(client, {"id": "a/b ?", "name": "x"})
    assert client.get("/v1/items/a%2Fb%20%3F").json()["name"] == "x"
    assert client.delete("/v1/items/a%2Fb%20%3F").status_code == 204


def test_a_bad_item_gets_a_problem_of_its_own_and_is_kept(client, tmp_path):
    answer = put(client, {"name": "Tea"}, {"id": "tea", "price": "x"}, "tea", {"id": "ink"})
    assert answer.status_code == 200
    problems = [each.get("problem") for each in answer.json()["answers"]]
    assert answer.json()["accepted"] == 1
    assert [each and (each["status"], each["detail"].partition(":")[0]) for each in problems[:2]] == [
        (422, "`id`"),
        (422, "`price`"),
    ]
    assert problems[2]["detail"] == "expected an object, found str"
    assert problems[3] is None
    kept = [json.loads(line) for line in (tmp_path / "rejected" / "items-api.jsonl").read_text().splitlines()]
    assert [(each["line"], each["raw"]) for each in kept[:2]] == [
        (0, {"name": "Tea"}),
        (1, {"id": "tea", "price": "x"}),
    ]
    assert client.get("/v1/items/tea").status_code == 404
    metrics = client.get("/metrics").text
    assert "ebbtide_items_described_total 1.0" in metrics
    assert "ebbtide_items_rejected_total 3.0" in metrics


def test_a_request_of_which_nothing_can_be_used_is_refused_as_a_whole(client):
    body = is_problem(put(client, {"name": "Tea"}), 422)
    assert body["detail"].startswith("no item was accepted; the first: `id`: expected")
    assert len(body["answers"]) == 1


@pytest.mark.parametrize("body", [{}, {"items": []}, {"items": [{}] * (MOST + 1)}, {"items": {}}, {"x": 1}])
def test_a_request_of_another_form_is_refused(client, body):
    is_problem(client.put("/v1/items", json=body), 422)


def test_what_is_no_json_or_too_large_is_refused(client):
    is_problem(client.put("/v1/items", content=b"{", headers={"Content-Type": "application/json"}), 400)
    is_problem(put(client, {"id": "tea", "name": "x" * 600_000}), 413)


def test_a_thousand_items_are_taken_at_once(client):
    answer = put(client, *({"id": number, "name": f"Item {number}", "stock": 1} for number in range(MOST)))
    assert answer.json()["accepted"] == MOST
    assert client.get("/v1/items/999").json()["name"] == "Item 999"


def test_an_item_can_be_forgotten_once(client):
    put(client, {"id": "tea"})
    assert client.delete("/v1/items/tea").status_code == 204
    assert "'tea'" in is_problem(client.delete("/v1/items/tea"), 404)["detail"]
    assert "'tea'" in is_problem(client.get("/v1/items/tea"), 404)["detail"]
    is_problem(client.get(f"/v1/items/{'x' * (MAX_ID + 1)}"), 422)


def test_items_need_the_key_where_there_is_one(make_app):
    with TestClient(make_app(api_key="secret-key")) as client:
        is_problem(put(client, ITEM), 401)
        is_problem(client.get("/v1/items/tea"), 401)
        is_problem(client.delete("/v1/items/tea"), 401)
        assert put(client, ITEM, headers={"Authorization": "Bearer secret-key"}).status_code == 200


def test_without_redis_items_say_so(no_redis):
    is_problem(put(no_redis, ITEM), 503)
    is_problem(no_redis.get("/v1/items/tea"), 503)


def test_the_documented_shape_is_that_of_an_item():
    documented = {field.alias or name for name, field in ItemShape.model_fields.items()}
    assert documented == set(FIELDS)
    stored = {field.alias or name for name, field in StoredItemShape.model_fields.items()}
    assert stored == set(Item.__struct_encode_fields__)
