import threading
import time

import pytest

from ebbtide.cli.risk_tables import alerts_table
from ebbtide.domain.alert import Status
from ebbtide.domain.customer import Stage
from ebbtide.jobs.alerts import follow, newest, standing, watching
from ebbtide.settings import Settings
from features.profile import new_state, update
from features.signals.testing import order
from features.store.online import OnlineStore
from tests.churn_model import publish

DAY = 86_400.0
NOW = 210 * DAY


@pytest.fixture
def quiet(redis):
    """A champion, and two customers who have not ordered for long."""
    publish(redis)
    for name, money in (("a", 10.0), ("b", 90.0)):
        state = new_state()
        for day in range(100, 182, 9):
            update(state, order(day, revenue=money, customer=name))
        OnlineStore(redis).write_many([(name, state)])


def test_the_watch_runs_while_the_context_lasts_and_its_alerts_stand(quiet, redis, tmp_path):
    started = time.monotonic()

    def clock():
        return NOW + time.monotonic() - started

    after = newest(redis)
    heard = []

    def listen():
        for alert in follow(redis, after):
            heard.append(alert.customer_id)
            if len(heard) == 2:
                return

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    with watching(Settings(home=tmp_path), redis, clock):
        listener.join(30)
    assert sorted(heard) == ["a", "b"]
    assert "watch" not in {thread.name for thread in threading.enumerate()}
    found = standing(redis, status=Status.OPEN, limit=10)
    assert [alert.customer_id for alert in found] == ["b", "a"]
    assert standing(redis, status=Status.OPEN, limit=1) == found[:1]
    assert standing(redis, status=Status.OPEN, least=found[0].value_at_risk, limit=10) == found[:1]
    assert standing(redis, status=Status.OPEN, stage=Stage.LOST, limit=10) == []
    assert standing(redis, status=Status.CLEARED, limit=10) == []


@pytest.mark.parametrize(
    ("more", "title"), [(True, "0 alerts, open; there are more, see --limit"), (False, "0 alerts, open")]
)
def test_the_table_says_when_there_are_more_alerts_than_it_shows(more, title):
    assert alerts_table([], Status.OPEN, more=more).title == title


def test_a_fault_does_not_end_the_watch(redis, tmp_path, caplog):
    redis.set("ebbtide:model:churn", "no hash")
    with watching(Settings(home=tmp_path), redis, lambda: NOW):
        for _ in range(300):
            if "watch" in caplog.text:
                break
            time.sleep(0.02)
        assert "watch" in {thread.name for thread in threading.enumerate()}
    assert "expected" in caplog.text
