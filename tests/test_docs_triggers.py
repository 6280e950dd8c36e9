"""What docs/triggers.md says to a marketer is so: each example is read, and does what is said beside it."""

import re
from pathlib import Path

import pytest

from ebbtide.domain.event import Event, Product, Properties
from features.profile import new_state, update
from models.triggers.moments import Moments, next_moment
from models.triggers.trigger_file import _Entry, load
from models.triggers.trigger_reasons import OF_EVENT

PAGE = (Path(__file__).parents[1] / "docs" / "triggers.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
HOUR, DAY = 3600.0, 86_400.0
START = 1_000 * DAY


@pytest.fixture
def rules(tmp_path):
    """The rules of the example that has a rule of that id."""

    def read(id_):
        [text] = [text for text in EXAMPLES if f"id: {id_}\n" in text]
        (tmp_path / "triggers.yaml").write_text(text)
        return load(tmp_path / "triggers.yaml")

    return read


def reasons(rules, events, until):
    """What fires for a customer by a moment, in words."""
    moments, state, fired = Moments(rules), new_state(), []
    for number, (at, name, properties) in enumerate(events):
        event = Event(f"m{number}", "c", name, START + at, Properties(**properties))
        fired += moments.before("c", state, event.at)
        update(state, event)
        fired += moments.after("c", state, event)
    while (at := next_moment(state)) is not None and at <= START + until:
        fired += moments.before("c", state, at)
    return [one.reason for one in fired if one.rule in rules.by_id]


def test_every_example_is_read(tmp_path):
    assert len(EXAMPLES) == 5
    for text in EXAMPLES:
        (tmp_path / "triggers.yaml").write_text(text)
        assert len(load(tmp_path / "triggers.yaml").rules) == 1


def test_a_big_cart_is_spoken_of_after_two_hours(rules):
    added = [(0, "Product Added", {"product_id": "pot", "price": 120.0})]
    found = rules("big_cart_left")
    assert reasons(found, added, 1.9 * HOUR) == []
    assert reasons(found, added, 2.0 * HOUR) == ["left 1 product (pot), worth 120"]
    small = [(0, "Product Added", {"product_id": "tea", "price": 20.0})]
    assert reasons(found, small, DAY) == []


def orders(revenue, last):
    return [
        (day * DAY, "Order Completed", {"revenue": revenue, "products": (Product("tea"),)})
        for day in range(0, last + 1, 10)
    ]


def test_a_good_customer_who_slips_is_spoken_of_and_a_small_one_not(rules):
    found = rules("good_customer_slipping")
    assert reasons(found, orders(60.0, 200), 260 * DAY) == ["was loyal, spent 1,260 in a year"]
    assert reasons(found, orders(6.0, 200), 260 * DAY) == []


def test_each_bad_review_is_spoken_of(rules):
    reviews = [(at * HOUR, "Review Submitted", {"rating": stars}) for at, stars in enumerate((2.0, 5.0, 1.0))]
    assert reasons(rules("bad_review"), reviews, DAY) == ["gave 2 stars", "gave 1 stars"]


def test_who_is_missed_is_missed_again_only_after_they_came_back(rules):
    found = rules("missed")
    begun = [(day * DAY, "Order Completed", {"revenue": 10.0}) for day in range(12)]
    text = "came on {} days in 90, and on none of the last 7"
    assert reasons(found, begun, 60 * DAY) == [text.format(12)]
    back = [*begun, (40 * DAY, "Order Completed", {"revenue": 10.0})]
    assert reasons(found, back, 70 * DAY) == [text.format(12), text.format(13)]


def test_a_dear_product_that_is_back_is_spoken_of_to_whoever_viewed_it_twice_and_did_not_buy(rules):
    found = rules("dear_and_back")
    back = {"product_id": "pot", "name": "Iron pot", "price": 60.0}
    views = [(at, "Product Viewed", {"product_id": "pot"}) for at in (0, DAY)]
    told = (2 * DAY, "Product Back In Stock", back)
    assert reasons(found, [*views, told], 3 * DAY) == ["Iron pot is back, 2 times viewed"]
    assert reasons(found, [views[0], told], 3 * DAY) == []
    assert reasons(found, [*views, (2 * DAY, "Product Back In Stock", back | {"price": 40.0})], 3 * DAY) == []
    bought = (1.5 * DAY, "Order Completed", {"products": (Product("pot"),)})
    assert reasons(found, [*views, bought, told], 3 * DAY) == []
    again = (3 * DAY, "Product Back In Stock", back)
    assert len(reasons(found, [*views, told, again], 4 * DAY)) == 2


def test_the_keys_of_a_rule_stand_in_the_docs():
    keys = PAGE.split("## The keys of a rule")[1].split("### Conditions")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", keys, re.MULTILINE)) == set(_Entry.model_fields)


def test_what_is_said_of_an_event_can_be_read():
    assert {"stage", "previous", "views_7d", "views_30d", "in_cart", "rating", "score"} <= OF_EVENT


def test_the_slots_told_of_can_be_filled(tmp_path):
    row = next(line for line in PAGE.splitlines() if line.startswith("| `reason`"))
    slots = " ".join(re.findall(r"\{[^}]+\}", row))
    (tmp_path / "t.yaml").write_text(f'triggers:\n  - {{id: a, when: churn > 0.5, reason: "{slots}"}}\n')
    assert load(tmp_path / "t.yaml").rules[0].reason == slots
