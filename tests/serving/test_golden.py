"""What clients build on does not change unnoticed: the OpenAPI document and a decision, as golden files.

After a change that is meant, `REWRITE_GOLDEN=1 pytest tests/serving/test_golden.py` writes them anew; the
difference is then part of the commit.
"""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from ebbtide.domain.event import CALL_TYPES
from tests.serving.conftest import SLIPPING, MakeApp, Seed

GOLDEN = Path(__file__).parent / "golden"


def matches_golden(name: str, found: Any) -> None:
    path = GOLDEN / name
    if os.environ.get("REWRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    assert json.loads(path.read_text()) == found


def test_the_openapi_document_is_as_agreed(make_app: MakeApp):
    document = make_app().openapi()
    document["info"]["version"] = "VERSION"
    matches_golden("openapi.json", json.loads(json.dumps(document)))


def test_a_decision_looks_as_agreed(
    publish: Callable[[], str], publish_items: None, seed: Seed, client: TestClient
):
    publish()
    seed("7", SLIPPING)
    found = client.post("/v1/decisions", json={"customerId": "7", "limit": 3, "explain": True}).json()
    assert re.fullmatch("[0-9a-f]{32}", found["decisionId"])
    found["decisionId"] = "DECISION"
    found["versions"] |= {"catalog": "CATALOG", "actions": "ACTIONS"}
    matches_golden("decision.json", found)


def test_every_route_is_documented_with_its_problems(make_app: MakeApp):
    paths = make_app().openapi()["paths"]
    posted = {"/v1/batch", "/v1/decisions", "/v1/decisions/batch", "/v1/outcomes"}
    posted |= {f"/v1/{type_}" for type_ in CALL_TYPES}
    read = {"/v1/alerts", "/v1/decisions/{decision_id}", "/v1/triggers", "/v1/triggers/stream"}
    read |= {"/v1/items", "/v1/items/{item_id}"}
    assert set(paths) == posted | read | {"/healthz", "/readyz", "/metrics"}
    for path, methods in paths.items():
        if not path.startswith("/v1/"):
            continue
        for method, described in methods.items():
            answers = described["responses"]
            bodied = {"400", "413"} if method in ("post", "put") else set()
            assert {"204" if method == "delete" else "200", "401", "503"} | bodied <= answers.keys()
            assert answers.keys() & {"400", "404", "422"}
            assert "application/problem+json" in answers["401"]["content"]


def test_the_examples_in_the_document_are_accepted(client: TestClient):
    paths = client.app.openapi()["paths"]  # type: ignore[attr-defined]
    for path, methods in paths.items():
        content = methods.get("post", {}).get("requestBody", {}).get("content", {})
        if "example" in content.get("application/json", {}):
            response = client.post(path, json=content["application/json"]["example"], auth=("write-key", ""))
            assert response.status_code == 200, (path, response.text)
    schemas = client.app.openapi()["components"]["schemas"]  # type: ignore[attr-defined]
    for method, path, shape in (
        ("POST", "/v1/decisions", "DecisionRequest"),
        ("POST", "/v1/decisions/batch", "BatchRequest"),
        ("PUT", "/v1/items", "ItemsRequest"),
    ):
        for example in schemas[shape]["examples"]:
            assert client.request(method, path, json=example).status_code == 200


@pytest.mark.parametrize("asset", ["swagger-ui-bundle.js", "swagger-ui.css"])
def test_the_docs_page_needs_nothing_from_elsewhere(client: TestClient, asset: str):
    page = client.get("/docs")
    assert page.status_code == 200
    assert not re.findall(r"(?:src|href)=\"https?://", page.text)
    found = re.search(rf"\"([^\"]*{asset})\"", page.text)
    assert found is not None
    assert len(client.get(found[1]).content) > 10_000
