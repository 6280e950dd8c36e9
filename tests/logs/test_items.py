import threading

import pytest
from redis import Redis

from ebbtide.domain.item import MAX_ITEM_BYTES
from ebbtide.errors import StoreError
from ebbtide.logs.items import CATALOGUE, KEPT_NEWEST, ItemCatalogue, Restock

NOW = 1_700_000_000.0


@pytest.fixture
def catalogue(redis: Redis) -> ItemCatalogue:
    return ItemCatalogue(redis)


def test_items_are_kept_as_they_were_said(catalogue):
    [put] = catalogue.put([{"id": "tea", "name": "Tea", "stock": 3}], NOW)
    assert (put.new, put.restocked, put.fault) == (True, False, "")
    assert catalogue.get("tea") == put.item
    assert catalogue.many(["ink", "tea"]) == {"tea": put.item}
    assert catalogue.get("ink") is None
    assert (catalogue.count(), list(catalogue.walk())) == (1, [put.item])


def test_a_bad_item_stops_no_other_and_is_told_in_its_place(catalogue):
    puts = catalogue.put([{"id": "a"}, {"name": "x"}, 7, {"id": "b", "price": "x"}, {"id": "c"}], NOW)
    assert [put.item is None for put in puts] == [False, True, True, True, False]
    assert [put.fault[:8] for put in puts] == ["", "`id`: ex", "expected", "`price`:", ""]
    assert catalogue.many(["a", "b", "c"]).keys() == {"a", "c"}
    assert catalogue.put([{"name": "x"}], NOW)[0].fault.startswith("`id`")


def test_an_item_that_is_said_twice_at_once_is_what_was_said_last(catalogue):
    puts = catalogue.put([{"id": "tea", "name": "Tea", "price": 1}, {"id": "tea", "price": 2}], NOW)
    assert [put.new for put in puts] == [True, False]
    assert (catalogue.get("tea").name, catalogue.get("tea").price) == ("Tea", 2.0)


def test_what_is_forgotten_is_gone(catalogue):
    catalogue.put([{"id": "tea"}], NOW)
    assert (catalogue.delete("tea"), catalogue.delete("tea")) == (True, False)
    assert catalogue.get("tea") is None


def test_a_stock_that_comes_back_is_noted_once(catalogue):
    for at, stock in enumerate((5, 0, 0, 0.0, 2, 3)):
        catalogue.put([{"id": "tea", "stock": stock}], NOW + at)
    [(restock, mark)] = catalogue.restocked(10)
    assert restock == Restock("tea", NOW + 4, NOW + 1)
    catalogue.done([mark])
    assert catalogue.restocked(10) == []


@pytest.mark.parametrize("later", [{"stock": None}, {"stock": 0}, {"price": 3}])
def test_an_item_that_is_new_or_has_no_stock_yet_did_not_come_back(catalogue, later):
    catalogue.put([{"id": "ink", "stock": 5}, {"id": "tea", "stock": 0}], NOW)
    [put] = catalogue.put([{"id": "tea", **later}], NOW + 1)
    assert not put.restocked
    assert catalogue.restocked(10) == []


def test_it_is_known_which_items_were_described_last_and_when_first(catalogue):
    catalogue.put([{"id": str(number)} for number in range(KEPT_NEWEST)], NOW)
    catalogue.put([{"id": "a"}, {"id": "b"}], NOW + 5)
    catalogue.put([{"id": "b", "price": 3}, {"id": "0", "price": 2}], NOW + 9)
    assert catalogue.newest(NOW + 1) == [("b", NOW + 5), ("a", NOW + 5)]
    assert len(catalogue.newest(NOW)) == KEPT_NEWEST
    catalogue.delete("b")
    assert catalogue.newest(NOW + 1) == [("a", NOW + 5)]


def test_whether_anybody_counts_the_stock_is_known(catalogue):
    catalogue.put([{"id": "tea", "price": 2}], NOW)
    assert not catalogue.tracked()
    catalogue.put([{"id": "tea", "stock": 2}], NOW)
    assert catalogue.tracked()


def test_items_of_which_nothing_was_said_are_told(catalogue):
    catalogue.put([{"id": str(number)} for number in range(1_000)], NOW)
    assert catalogue.unknown(map(str, range(998, 1_003))) == ["1000", "1001", "1002"]


def test_of_two_who_change_an_item_at_once_neither_is_lost(redis_server, catalogue):
    def change(field):
        with Redis(unix_socket_path=str(redis_server)) as client:
            for number in range(30):
                ItemCatalogue(client).put([{"id": "tea", field: number}], NOW)

    threads = [threading.Thread(target=change, args=(field,)) for field in ("price", "stock")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (catalogue.get("tea").price, catalogue.get("tea").stock) == (29.0, 29.0)


def test_a_thousand_of_the_largest_items_take_what_is_stated(catalogue, redis):
    long = "x" * 1_900
    puts = catalogue.put([{"id": f"item-{number}", "url": long} for number in range(1_000)], NOW)
    assert not any(put.fault for put in puts)
    assert redis.memory_usage(CATALOGUE, samples=0) / 1_000 < MAX_ITEM_BYTES + 200


def test_what_is_no_item_is_named(catalogue, redis):
    redis.hset(CATALOGUE, "tea", b"\xc1")
    with pytest.raises(StoreError, match="tea: expected an item"):
        catalogue.get("tea")
