"""Live as long as it runs; ready only when it may be asked."""

import gc
from collections.abc import Callable

from fastapi.testclient import TestClient
from redis import Redis

from features import catalog
from tests.serving.conftest import MakeApp, is_problem


def test_it_lives_without_redis(no_redis: TestClient):
    assert no_redis.get("/healthz").json() == {"alive": True}


def test_it_is_not_ready_without_redis(no_redis: TestClient):
    response = no_redis.get("/readyz")
    assert is_problem(response, 503)["missing"] == ["redis"]
    assert "retry-after" in response.headers


def test_without_a_model_it_is_ready_and_says_so(client: TestClient):
    assert client.get("/readyz").json() == {
        "ready": True,
        "catalog": catalog.VERSION,
        "model": None,
        "degraded": ["no churn model"],
    }


def test_with_a_model_it_is_ready_and_names_it(publish: Callable[[], str], make_app: MakeApp):
    version = publish()
    with TestClient(make_app()) as client:
        body = client.get("/readyz").json()
    assert body["model"] == version
    assert body["degraded"] == []


def test_it_becomes_ready_when_redis_comes(make_app: MakeApp, dead_redis: Redis, redis: Redis):
    living = redis.connection_pool
    client_redis = Redis(connection_pool=dead_redis.connection_pool)
    with TestClient(make_app(redis=client_redis)) as client:
        is_problem(client.get("/readyz"), 503)
        client_redis.connection_pool = living
        assert client.get("/readyz").status_code == 200


def test_what_is_loaded_is_left_alone_by_the_collector(client: TestClient):
    assert client.get("/readyz").status_code == 200
    assert gc.get_freeze_count() > 10_000


def test_requests_are_timed_by_route_not_by_path(client: TestClient):
    client.get("/healthz")
    client.get("/no/such/page/42")
    client.post("/v1/decisions", json={"customerId": "7"})
    text = client.get("/metrics").text
    for labels in (
        'method="GET",route="/healthz",status="200"',
        'method="GET",route="unmatched",status="404"',
        'method="POST",route="/v1/decisions",status="200"',
    ):
        assert f"ebbtide_http_request_duration_seconds_count{{{labels}}} 1.0" in text
