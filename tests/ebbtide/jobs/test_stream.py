"""The flow as a job: from the event log into features, until it is told to stop."""

import pytest

from ebbtide.domain.ingest import accept
from ebbtide.errors import StoreError
from ebbtide.jobs.stream import stream
from ebbtide.logs.events import RedisEventLog
from ebbtide.settings import Settings
from features.store.online import OnlineStore
from tests.streaming.killing import Server

NOW = 1_790_000_000.0


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


def test_it_ends_where_redis_was_started_again_and_goes_on_when_it_is_started(server, tmp_path):
    settings = Settings(home=tmp_path / "home")
    customers = [f"c{number}" for number in range(40)]
    calls = [
        accept({"type": "page", "userId": name, "timestamp": NOW}, received_at=NOW, message_id=name)
        for name in customers
    ]
    RedisEventLog(server.client, settings.partitions).append([(e.customer, e.id, raw) for raw, e in calls])

    def restart(_):
        server.kill()
        server.start()

    with pytest.raises(StoreError, match="it was started again"):
        stream(settings, server.client, clock=lambda: NOW, once=True, stored=restart)
    stream(settings, server.client, clock=lambda: NOW, once=True)
    assert None not in OnlineStore(server.client).read_many(customers)
