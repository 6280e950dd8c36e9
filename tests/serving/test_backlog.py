"""A flow that is too far behind is told to the senders, instead of filling memory."""

from collections.abc import Callable

from fastapi import FastAPI
from fastapi.testclient import TestClient
from redis import Redis

from ebbtide.logs.events import RedisEventLog

KEY = ("write-key", "")


def track(number: int) -> dict[str, object]:
    return {"type": "track", "event": "Order Completed", "userId": "c", "messageId": f"m{number}"}


def test_a_full_log_is_a_503_with_retry_after_and_nothing_is_acknowledged(
    redis: Redis, make_app: Callable[..., FastAPI]
) -> None:
    log = RedisEventLog(redis, partitions=1, backlog=2)
    with TestClient(make_app(log=log)) as client:
        assert client.post("/v1/batch", json={"batch": [track(1), track(2)]}, auth=KEY).status_code == 200
        refused = client.post("/v1/batch", json={"batch": [track(3)]}, auth=KEY)
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        assert "too far behind" in refused.json()["detail"]
        assert log.length() == 2
        redis.xtrim("ebbtide:{p0}:events", maxlen=0)  # the flow has caught up
        assert client.post("/v1/batch", json={"batch": [track(3)]}, auth=KEY).status_code == 200
    assert log.length() == 1
