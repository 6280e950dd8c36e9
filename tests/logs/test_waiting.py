import pytest

from ebbtide.domain.item import MAX_ID
from ebbtide.logs.items import ItemCatalogue
from ebbtide.logs.waiting import ASKED_EVERY, MOST, SPAN, Look, Waiting, key

NOW = 1_700_000_000.0


@pytest.fixture
def waiting(redis):
    ItemCatalogue(redis).put([{"id": "tea", "stock": 1}], NOW)
    return Waiting(redis)


def test_who_looked_at_a_product_last_is_known_by_the_last_look(waiting):
    waiting.put([Look("tea", "a", NOW), Look("pot", "a", NOW), Look("tea", "b", NOW + 5)], NOW + 9)
    waiting.put([Look("tea", "a", NOW + 9), Look("tea", "a", NOW + 2)], NOW + 9)
    waiting.put([Look("tea", "a", NOW + 1)], NOW + 9)
    assert waiting.of("tea", 0.0) == ["b", "a"]
    assert waiting.of("tea", NOW + 6) == ["a"]
    assert waiting.of("pot", 0.0) == ["a"]
    assert waiting.of("ink", 0.0) == []


def test_what_is_kept_of_a_product_is_bounded_in_number_and_time(waiting, redis):
    looks = [Look("tea", f"customer-{number:05}", NOW + number) for number in range(MOST + 50)]
    waiting.put(looks[:600], NOW)
    waiting.put(looks[600:], NOW)
    assert waiting.of("tea", 0.0) == [look.customer for look in looks[50:]]
    assert redis.memory_usage(key("tea"), samples=0) < 120 * MOST
    assert SPAN - 5 < redis.ttl(key("tea")) <= SPAN


def test_old_looks_and_ids_that_no_item_has_are_not_kept(waiting, redis):
    waiting.put([Look("tea", "a", NOW - SPAN - 1), Look("x" * (MAX_ID + 1), "a", NOW)], NOW)
    assert redis.keys("ebbtide:waiting:*") == []


def test_nothing_is_kept_before_somebody_counts_stock(redis):
    waiting, catalogue = Waiting(redis), ItemCatalogue(redis)
    waiting.put([Look("tea", "a", NOW)], NOW)
    catalogue.put([{"id": "tea", "stock": 0}], NOW)
    waiting.put([Look("tea", "b", NOW)], NOW + ASKED_EVERY - 1)
    assert waiting.of("tea", 0.0) == []
    waiting.put([Look("tea", "c", NOW)], NOW + ASKED_EVERY)
    assert waiting.of("tea", 0.0) == ["c"]
