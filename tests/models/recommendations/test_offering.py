from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.item import Item
from ebbtide.errors import ConfigError
from models.expressions import OF_ITEM, Expression, Facts
from models.recommendations.offering import OPEN, Terms, offered

NOW = 1_700_000_000.0
ANYBODY = Facts({"orders_total": 3.0}, stage="active")
ADULT = Facts({}, stage="active", context={"age": 30})
CHILD = Facts({}, stage="active", context={"age": 12})


class Found(NamedTuple):
    product: str
    days_ago: float | None = None
    interval: float | None = None


def shown(ranked, items=(), terms=OPEN, limit=3, facts=ANYBODY):
    ranked = [Found(each) if isinstance(each, str) else each for each in ranked]
    known = {item.id: item for item in items}
    return [each.product for each in offered(ranked, known, terms, limit=limit, now=NOW, facts=facts)]


def test_the_best_are_shown_in_their_order_and_no_more_than_asked_for():
    assert shown("edcba") == ["e", "d", "c"]
    assert shown("ab") == ["a", "b"]
    assert shown("") == []


@pytest.mark.parametrize(
    "gone",
    [Item("b", stock=0), Item("b", available_from=NOW + 1), Item("b", available_until=NOW)],
)
def test_what_is_sold_out_or_outside_of_its_dates_is_not_shown(gone):
    assert shown("abcd", [Item("a", stock=1), gone]) == ["a", "c", "d"]


@pytest.mark.parametrize(
    ("days_ago", "interval", "there"),
    [
        (None, None, True),
        (2.0, None, False),
        (2.9, None, False),
        (3.0, None, True),
        (2.0, 7.0, False),
        (2.9, 3.8, True),
        (1.0, 1.2, True),
        (30.0, 60.0, True),
    ],
)
def test_what_was_just_bought_is_shown_again_only_once_it_is_due(days_ago, interval, there):
    found = shown([Found("milk", days_ago, interval), "tea"], terms=Terms())
    assert found == (["milk", "tea"] if there else ["tea"])


def test_one_category_takes_its_share_of_the_places_as_long_as_there_are_others():
    items = [Item(product, category="Tea") for product in "abcd"] + [Item("x", category="Pots")]
    half = Terms(category_share=0.5)
    assert shown("abcdxy", items, half, limit=4) == ["a", "b", "x", "y"]
    assert shown("abcdx", items, half, limit=4) == ["a", "b", "c", "x"]
    assert shown("abcd", items, half, limit=4) == ["a", "b", "c", "d"]
    assert shown("abcdxy", items, Terms(category_share=1.0), limit=4) == ["a", "b", "c", "d"]
    assert shown("ab", items, half, limit=1) == ["a"]


def test_of_products_that_share_a_name_the_best_is_shown():
    items = [Item("a", name="Tea", category="x"), Item("b", name="Tea", category="x")]
    items += [Item("c", name="Pot", category="x"), Item("d", name="Pot", category="y")]
    assert shown("abcd", items, limit=3) == ["a", "c"]
    assert shown("abcd", items, Terms(category_share=0.3), limit=3) == ["a", "d"]


def test_one_brand_takes_its_share_too():
    items = [Item(product, category=product, brand="Leaf") for product in "abc"]
    assert shown("abcx", items, Terms(brand_share=0.5), limit=2) == ["a", "x"]


OF_AGE = Expression('item.category != "alcohol" || context.age >= 18', OF_ITEM)


def test_who_may_not_see_an_item_does_not():
    items = [Item("gin", category="alcohol"), Item("tea", category="drinks"), Item("thing")]
    terms = Terms(eligible=OF_AGE)
    assert shown(["gin", "tea", "thing"], items, terms, facts=ADULT) == ["gin", "tea", "thing"]
    assert shown(["gin", "tea", "thing"], items, terms, facts=CHILD) == ["tea"]
    assert shown(["gin", "tea", "thing"], items, terms) == ["tea"]  # what is not known makes it false


def test_a_condition_may_read_attributes_and_the_customer():
    light = Expression("item.attributes.abv < 1.0 || profile.orders_total > 5.0", OF_ITEM)
    items = [Item("beer", attributes={"abv": 5.0}), Item("ale", attributes={"abv": 0.5}), Item("tea")]
    assert shown(["beer", "ale", "tea"], items, Terms(eligible=light)) == ["ale"]
    loyal = Facts({"orders_total": 9.0}, stage="loyal")
    assert shown(["beer", "ale", "tea"], items, Terms(eligible=light), facts=loyal) == ["beer", "ale", "tea"]
    free = Expression("!has(item.attributes.abv) || item.attributes.abv < 1.0", OF_ITEM)
    assert shown(["beer", "ale", "tea"], items, Terms(eligible=free)) == ["ale", "tea"]


def test_items_that_a_condition_cannot_tell_apart_are_judged_once():
    judged = []

    class Counted(Expression):
        def holds(self, facts):
            judged.append(facts)
            return super().holds(facts)

    items = [Item(str(number), category="ab"[number % 2]) for number in range(40)]
    terms = Terms(eligible=Counted(OF_AGE.text, OF_ITEM))
    assert len(shown(map(str, range(40)), items, terms, limit=40)) == 40
    assert len(judged) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("item.catgory == 'x'", "expected a field of an item, found item.catgory; did you mean 'category'?"),
        ("item.price + 1 > 2.0", "signals are doubles"),
        ("item.category", "expected what is true or false"),
        ("event.score > 1", "found the name 'event'"),
        ("item == 1", "expected `item.NAME`"),
    ],
)
def test_a_condition_about_items_is_checked_when_it_is_read(text, told):
    with pytest.raises(ConfigError, match=r"item|event") as raised:
        Expression(text, OF_ITEM)
    assert told in str(raised.value)


CANDIDATES = st.lists(
    st.builds(
        Found,
        st.sampled_from("abcdefghij"),
        st.none() | st.floats(0, 30),
        st.none() | st.floats(0.1, 30),
    ),
    unique_by=lambda each: each.product,
)
ITEMS = st.lists(
    st.builds(
        Item,
        st.sampled_from("abcdefghij"),
        category=st.sampled_from([None, "x", "y"]),
        stock=st.sampled_from([None, 0.0, 2.0]),
    ),
    unique_by=lambda item: item.id,
)


@given(CANDIDATES, ITEMS, st.integers(1, 6), st.sampled_from([0.3, 0.5, 1.0]))
def test_no_place_stays_empty_that_something_could_take_and_nothing_forbidden_takes_one(
    ranked, items, limit, share
):
    terms = Terms(category_share=share)
    found = shown(ranked, items, terms, limit=limit)
    known = {item.id: item for item in items}
    allowed = [
        each.product
        for each in ranked
        if not (each.product in known and known[each.product].stock == 0.0)
        and (
            each.days_ago is None
            or each.days_ago >= 3.0
            or (each.interval is not None and each.days_ago >= 0.75 * each.interval)
        )
    ]
    assert set(found) <= set(allowed)
    assert len(found) == min(limit, len(allowed))
    assert found == [product for product in allowed if product in found]
