"""What is back in stock is told to those who wait for it, through the log, and the flow judges it once."""

import pytest

from ebbtide.domain.event import BACK_IN_STOCK, decode
from ebbtide.jobs.backtest_triggers import replayed
from ebbtide.logs.items import ItemCatalogue
from features.store.online import OnlineStore
from models.triggers.moments import Moments
from models.triggers.trigger_file import load
from streaming.restocks import Restocks
from tests.streaming.test_triggers import Live
from tests.trigger_shop import DAY, HOUR, START, call


class Shop:
    """A flow, a catalogue, and customers who look at products."""

    def __init__(self, redis, folder):
        self.items, self.live = ItemCatalogue(redis), Live(redis, folder)
        self.restocks = Restocks(redis, self.live.log)
        self.logged = []
        self.stock(START - DAY, 5)

    def stock(self, at, stock, item="tea", **more):
        self.live.now = max(self.live.now, at)
        [put] = self.items.put([{"id": item, "name": "Green tea", "stock": stock, **more}], at)
        assert not put.fault

    def did(self, customer, at, name, **properties):
        line = (at, customer, call(at, customer, name, len(self.logged), **properties))
        self.live.now = max(self.live.now, at)
        self.live.send([line])
        self.flow()

    def flow(self):
        """Let the flow read what is new, which the log then lets go of."""
        for number, after in self.live.read.items():
            self.logged += [each.raw for each in self.live.log.read(number, after, 999)]
        self.live.flow()

    def told(self):
        """The events of what is back in stock that were logged: customer and product."""
        events = [each for each in map(decode, self.logged) if each.name == BACK_IN_STOCK]
        return sorted((each.customer, each.properties.id) for each in events)

    def fired(self):
        return sorted(one.customer_id for one in self.live.found() if one.rule == "back_in_stock")

    def back(self, at):
        """Let it be told what is back."""
        while self.restocks.step(at):
            self.flow()


@pytest.fixture
def shop(redis, tmp_path):
    return Shop(redis, tmp_path)


def test_who_viewed_or_carted_what_is_back_gets_the_moment_and_who_bought_it_does_not(shop):
    shop.did("viewer", START, "Product Viewed", product_id="tea")
    shop.did("carter", START + 1, "Product Added", product_id="tea", price=4.0)
    shop.did("buyer", START + 2, "Product Viewed", product_id="tea")
    shop.did("buyer", START + 3, "Order Completed", products=[{"product_id": "tea"}])
    shop.did("other", START + 4, "Product Viewed", product_id="ink")
    shop.stock(START + HOUR, 0)
    shop.back(START + HOUR)
    assert shop.told() == []
    shop.stock(START + 2 * HOUR, 3)
    shop.back(START + 2 * HOUR)
    assert shop.told() == [("buyer", "tea"), ("carter", "tea"), ("viewer", "tea")]
    assert shop.fired() == ["carter", "viewer"]
    [one] = [one for one in shop.live.found() if one.customer_id == "viewer" and one.rule == "back_in_stock"]
    assert one.reason == "Green tea, which they viewed or put into their cart, is back in stock"
    assert (one.products, one.fired_at) == (("tea",), "2023-11-15T00:13:20Z")


def test_it_is_told_once_though_whoever_tells_it_dies_before_noting_so(shop, monkeypatch):
    shop.did("c", START, "Product Viewed", product_id="tea")
    shop.stock(START + HOUR, 0)
    shop.stock(START + 2 * HOUR, 3)
    with monkeypatch.context() as dying:
        dying.setattr(ItemCatalogue, "done", lambda self, marks: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            shop.restocks.step(START + 2 * HOUR)
    shop.back(START + 2 * HOUR)
    shop.back(START + 2 * HOUR)
    assert shop.told() == [("c", "tea")]
    assert shop.fired() == ["c"]


def test_what_is_sold_out_and_back_again_is_told_again(shop):
    shop.did("c", START, "Product Viewed", product_id="tea")
    for day in (1, 3):
        shop.stock(START + day * DAY, 0)
        shop.stock(START + (day + 1) * DAY, 3)
        shop.back(START + (day + 1) * DAY)
    assert shop.fired() == ["c", "c"]


def test_what_has_gone_again_or_may_not_be_shown_is_not_told(shop):
    shop.did("c", START, "Product Viewed", product_id="tea")
    shop.did("c", START, "Product Viewed", product_id="ink")
    shop.stock(START + HOUR, 0)
    shop.stock(START + HOUR, 0, "ink", availableUntil="2023-11-01")
    shop.stock(START + 2 * HOUR, 3)
    shop.stock(START + 2 * HOUR, 3, "ink")
    shop.stock(START + 3 * HOUR, 0)
    shop.back(START + 3 * HOUR)
    assert shop.told() == []
    assert shop.items.restocked(10) == []


def test_a_look_of_a_month_ago_is_no_waiting(shop):
    shop.did("c", START, "Product Viewed", product_id="tea")
    shop.stock(START + 31 * DAY, 0)
    shop.stock(START + 32 * DAY, 1)
    shop.back(START + 32 * DAY)
    assert shop.told() == []


def test_it_is_nothing_heard_of_the_customer(shop):
    shop.did("c", START, "Product Viewed", product_id="tea")
    shop.stock(START + HOUR, 0)
    shop.stock(START + 9 * DAY, 2)
    shop.back(START + 9 * DAY)
    [state] = OnlineStore(shop.live.redis).read_many(["c"])
    assert state.last_at == START


def test_of_a_customer_of_whom_nothing_is_known_it_is_kept_aside(shop, tmp_path):
    shop.did("nobody", START, BACK_IN_STOCK, product_id="tea")
    assert shop.live.found() == []
    assert "nothing is known of the customer" in (tmp_path / "rejected" / "stream.jsonl").read_text()


def test_the_back_test_over_what_was_logged_finds_the_same(shop):
    for number in range(6):
        shop.did(f"c{number}", START + number, "Product Viewed", product_id="tea")
        if number % 2:
            shop.did(f"c{number}", START + 10 + number, "Order Completed", products=[{"product_id": "tea"}])
    shop.stock(START + HOUR, 0)
    shop.stock(START + 2 * HOUR, 3)
    shop.back(START + 2 * HOUR)
    shop.did("c0", START + 3 * HOUR, "Product Viewed", product_id="ink")
    expected = replayed(shop.logged, Moments(load())).fired
    assert shop.live.found() == expected
    assert shop.fired() == ["c0", "c2", "c4"]
