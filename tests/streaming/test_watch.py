"""The watch over a real Redis, with a clock that is moved."""

import threading

import pytest

from ebbtide.domain.alert import ClearedBy, Status
from ebbtide.domain.customer import Stage
from ebbtide.logs.alerts import AlertLog
from features.profile import new_state, update
from features.signals.testing import order
from features.store.online import OnlineStore
from models.churn.risk import Policy
from models.churn.scorer import ModelWatcher
from streaming.checks import SETTLE, Checks, Done, Look
from streaming.watch import Watch
from tests.churn_model import publish

DAY = 86_400.0
WORTH = 200.0


class Shop:
    """Customers who order, a watch, and a clock."""

    def __init__(self, redis):
        self.redis, self.now = redis, 100 * DAY
        self.checks, self.alerts, self.store = Checks(redis), AlertLog(redis), OnlineStore(redis)
        self.watch = self.another_watch()
        self.states = {}

    def another_watch(self):
        return Watch(self.redis, ModelWatcher(self.redis), lambda vector, now: WORTH, Policy())

    def order(self, customer, day):
        state = self.states.setdefault(customer, new_state())
        update(state, order(day, revenue=20.0, customer=customer))
        self.now = day * DAY
        self.checks.touch([customer], self.now)
        self.store.write_many([(customer, state)])

    def until(self, day):
        """Let the time pass, a quarter of a day at a time; returns the days at which something was done."""
        busy = []
        while self.now < day * DAY:
            self.now += DAY / 4
            while self.watch.step(self.now):
                busy.append(self.now / DAY)
        return busy

    def logged(self):
        return [alert for _, alert in self.alerts.follow("0-0", wait=0.01)]


@pytest.fixture
def shop(redis):
    publish(redis)
    return Shop(redis)


def weekly(shop, customer, first, last, every=9):
    for day in range(first, last + 1, every):
        shop.until(day)
        shop.order(customer, day)
    return day


def test_silence_raises_one_alert_an_order_clears_it_and_a_second_decline_raises_another(shop):
    last = weekly(shop, "c", 100, 181)
    assert shop.logged() == []
    looks = shop.until(last + 45)
    assert len(looks) < 12  # nobody was polled
    [alert] = shop.logged()
    assert (alert.customer_id, alert.status, alert.stage) == ("c", Status.OPEN, Stage.LOYAL)
    assert 0.7 <= alert.probability < 0.75
    assert alert.value_at_risk == pytest.approx(WORTH * alert.probability, abs=0.01)
    assert alert.reasons[0].text.startswith("usually orders every 9 days, last order 22 days ago")
    assert alert.reasons[0].remedy == "an order today"
    assert alert.reasons[0].change < -0.5
    assert alert.changed.probability < 0.1
    assert alert.changed.moved[0].startswith("usually orders every 9 days")
    assert alert.closes_at > alert.raised_at

    shop.order("c", last + 46)
    shop.until(last + 47)
    [_, cleared] = shop.logged()
    assert (cleared.alert_id, cleared.status, cleared.cleared_by) == (
        alert.alert_id,
        Status.CLEARED,
        ClearedBy.ORDER,
    )
    weekly(shop, "c", last + 55, last + 91)
    shop.until(last + 91 + 60)
    _, _, again = shop.logged()
    assert again.status is Status.OPEN
    assert again.alert_id != alert.alert_id


def test_an_alert_is_cleared_when_the_chance_has_closed_and_not_raised_again(shop):
    last = weekly(shop, "c", 100, 181)
    shop.until(last + 365)
    raised, cleared = shop.logged()
    assert (raised.alert_id, cleared.cleared_by) == (cleared.alert_id, ClearedBy.CLOSED)
    assert shop.redis.zcard("ebbtide:{checks}:due") == 0


def test_a_watch_that_died_before_it_was_done_is_followed_without_a_second_alert(shop, monkeypatch):
    last = weekly(shop, "c", 100, 181)
    shop.until(last + 20)
    shop.now += 10 * DAY
    monkeypatch.setattr(shop.watch._checks, "done", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        shop.watch.step(shop.now)
    assert len(shop.logged()) == 1
    shop.watch = shop.another_watch()
    shop.until(last + 60)
    assert len(shop.logged()) == 1


def test_two_watches_raise_one_alert(shop):
    names = [f"c{n}" for n in range(40)]
    for name in names:
        for day in range(100, 182, 9):
            shop.order(name, day)
    shop.now = 215 * DAY
    others = [shop.another_watch() for _ in range(2)]
    threads = [
        threading.Thread(target=lambda one=one: [one.step(shop.now) for _ in range(10)]) for one in others
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(alert.customer_id for alert in shop.logged()) == sorted(names)


def test_without_a_champion_the_checks_wait(redis):
    shop = Shop(redis)
    shop.order("c", 100)
    assert shop.until(101) == []
    publish(redis)
    assert shop.until(103)


def test_a_new_champion_looks_at_everyone_again(shop):
    for n in range(30):
        shop.order(f"c{n}", 100)
    shop.until(101)
    assert shop.until(110) == []
    publish(shop.redis, "2", slope=7.0)
    assert shop.until(111)
    looks = shop.checks.looks([f"c{n}" for n in range(30)])
    assert all(look.at < 101 * DAY for look in looks)  # nothing was heard of them since
    assert shop.checks.planned_for() == "2"
    assert shop.another_watch().step(shop.now) == 0


def test_a_mark_made_during_a_look_stays(shop):
    shop.order("c", 100)
    shop.now += SETTLE
    [due] = shop.checks.due(shop.now, 10)
    shop.checks.touch(["c"], shop.now)
    shop.checks.done([Done(due, Look(shop.now, 0.1), None)])
    assert shop.checks.due(shop.now + SETTLE, 10)


def test_a_customer_without_a_state_is_forgotten(shop):
    shop.checks.touch(["nobody"], shop.now)
    shop.until(101)
    assert shop.redis.zcard("ebbtide:{checks}:due") == 0
