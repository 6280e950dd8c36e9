import pytest

from ebbtide.domain.item import (
    FIELDS,
    MAX_ID,
    MAX_ITEM_BYTES,
    Item,
    ItemError,
    decode,
    described,
    encode,
    item_id,
    public,
)

NOW = 1_700_000_000.0
WHOLE = {
    "id": "tea",
    "name": "Tea",
    "category": "Drinks",
    "brand": "Leaf",
    "price": 2.5,
    "stock": 4,
    "availableFrom": "2026-01-01",
    "availableUntil": "2026-01-31",
    "url": "https://shop.example.org/tea",
    "image": "https://shop.example.org/tea.jpg",
    "attributes": {"organic": True, "grams": 100, "origin": "Assam"},
}


def faults(given, known=None):
    with pytest.raises(ItemError) as raised:
        described(known, {"id": "tea", **given}, NOW)
    return str(raised.value)


def test_an_item_may_say_every_field_and_comes_back_as_it_was_said():
    assert tuple(WHOLE) == FIELDS
    item = described(None, WHOLE, NOW)
    assert decode(encode(item)) == item
    dates = {"availableFrom": "2026-01-01T00:00:00Z", "availableUntil": "2026-02-01T00:00:00Z"}
    assert public(item) == WHOLE | dates
    assert described(None, public(item), NOW) == item


def test_what_is_left_out_stays_and_null_takes_away():
    item = described(described(None, WHOLE, NOW), {"id": "tea", "price": 3, "brand": None}, NOW)
    assert (item.name, item.price, item.brand) == ("Tea", 3.0, None)
    assert described(item, {"id": "tea", "attributes": None}, NOW).attributes == {}


def test_numbers_may_be_text_and_less_than_nothing_is_nothing_in_stock():
    item = described(None, {"id": "tea", "price": "2.50", "stock": "-3"}, NOW)
    assert (item.price, item.stock, item.sold_out) == (2.5, 0.0, True)


def test_it_is_remembered_since_when_an_item_is_sold_out_until_it_is_back():
    item = described(None, {"id": "tea", "stock": 0}, NOW)
    still = described(item, {"id": "tea", "stock": 0, "price": 1}, NOW + 60)
    assert (item.sold_out_since, still.sold_out_since) == (NOW, NOW)
    assert described(still, {"id": "tea", "stock": 1}, NOW + 90).sold_out_since is None
    assert described(still, public(still), NOW + 90).sold_out_since == NOW


@pytest.mark.parametrize(
    ("fields", "at", "shown"),
    [
        ({}, 0.0, True),
        ({"stock": 1}, 0.0, True),
        ({"stock": 0}, 0.0, False),
        ({"available_from": 10.0}, 9.9, False),
        ({"available_from": 10.0}, 10.0, True),
        ({"available_until": 10.0}, 9.9, True),
        ({"available_until": 10.0}, 10.0, False),
    ],
)
def test_an_item_is_available_in_stock_and_within_its_dates(fields, at, shown):
    assert Item("tea", **fields).available(at) is shown


def test_the_last_day_belongs_to_the_time_in_which_an_item_is_available():
    item = described(None, {"id": "tea", "availableUntil": "2026-01-31"}, NOW)
    at_six = described(None, {"id": "tea", "availableUntil": "2026-01-31T18:00:00+01:00"}, NOW)
    in_seconds = described(None, {"id": "tea", "availableUntil": "1769878800"}, NOW)
    assert public(item)["availableUntil"] == "2026-02-01T00:00:00Z"
    assert public(at_six)["availableUntil"] == public(in_seconds)["availableUntil"] == "2026-01-31T17:00:00Z"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"price": -1}, "`price`: expected a number from 0 on, found -1"),
        ({"price": "a lot"}, "`price`: expected a number from 0 on, found 'a lot'"),
        ({"stock": float("nan")}, "`stock`: expected a number, found nan"),
        ({"stock": True}, "`stock`: expected a number, found True"),
        ({"name": 7}, "`name`: expected text, found 7"),
        ({"name": "\ud800"}, "`name`: expected text, found '\\ud800'"),
        ({"availableFrom": "soon"}, "`availableFrom`: expected an ISO 8601 time, a date or Unix seconds"),
        ({"attributes": {"a": [1]}}, "`attributes`: expected names with text, numbers, true or false"),
        ({"attributes": "organic"}, "`attributes`: expected names with text, numbers, true or false"),
        ({"catgory": "x"}, "`catgory`: expected one of"),
        ({"catgory": "x"}, "did you mean `category`?"),
        ({"colour": "x"}, "what is yours goes under `attributes`"),
        ({"availableFrom": 2e9, "availableUntil": 1e9}, "`availableFrom`: expected a time before"),
    ],
)
def test_a_wrong_field_is_named_with_what_was_expected_and_found(given, told):
    assert told in faults(given)


def test_all_wrong_fields_of_an_item_are_told_together():
    assert faults({"price": "x", "stock": "y"}).count("expected") == 2


@pytest.mark.parametrize("given", [None, [], {}, {"id": None}, {"id": ""}, {"id": " "}, {"id": 1.5}])
def test_an_item_without_an_id_is_refused(given):
    with pytest.raises(ItemError, match="expected"):
        item_id(given)


@pytest.mark.parametrize("id_", [True, "x" * (MAX_ID + 1), "\ud800"])
def test_an_id_that_cannot_be_kept_is_refused(id_):
    with pytest.raises(ItemError, match="`id`: expected 1 to 200 letters or an integer"):
        item_id({"id": id_})


def test_an_item_takes_no_more_bytes_than_stated_and_one_that_would_is_refused():
    room = MAX_ITEM_BYTES - len(encode(Item("tea", name="")))
    fits = described(None, {"id": "tea", "name": "x" * (room - 2)}, NOW)  # a long text has a longer head
    assert len(encode(fits)) == MAX_ITEM_BYTES
    assert faults({"name": "x" * (room - 1)}) == "expected at most 2048 bytes, found 2049"
    assert "expected at most 2048 bytes" in faults({"attributes": {"a": "x" * 2048}}, fits)
