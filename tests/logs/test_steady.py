"""Who keeps states in memory does not go on with a Redis that was started again."""

import pytest

from ebbtide.errors import StoreError
from ebbtide.logs.steady import steady
from tests.streaming.killing import Server


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


def test_a_connection_that_breaks_is_replaced(redis):
    with steady(redis) as client:
        client.set("a", 1)
        redis.client_kill_filter(_type="normal")
        assert client.get("a") == b"1"


def test_a_redis_that_was_started_again_is_refused_for_good(server):
    with steady(server.client) as client:
        client.set("a", 1)
        server.kill()
        server.start()
        for _ in range(2):
            with pytest.raises(StoreError, match="it was started again"):
                client.set("a", 2)
        assert server.client.get("a") == b"1"
        with steady(server.client) as other:
            assert other.get("a") == b"1"
