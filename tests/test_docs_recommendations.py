"""What docs/recommendations.md says of what may be shown is so."""

import re
from pathlib import Path

import pytest

from ebbtide.domain.item import DAY, Item
from models.actions.action_file import Items
from models.actions.actions import parse
from models.expressions import Facts
from models.recommendations.offering import DUE, Terms, offered

PAGE = (Path(__file__).parents[1] / "docs" / "recommendations.md").read_text()
[EXAMPLE] = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
NOW = 20_000 * DAY


@pytest.fixture(scope="module")
def points():
    return parse(EXAMPLE.encode(), "docs").decision_points


def test_the_keys_of_the_terms_stand_in_the_docs_with_their_defaults():
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", PAGE.split("## What may be shown")[1], re.MULTILINE))
    assert list(rows) == list(Items.model_fields)
    terms = Terms()
    assert rows["eligible"] == "everybody sees everything"
    assert terms.eligible is None
    assert [float(rows[key]) for key in list(rows)[1:]] == [
        terms.again_after,
        terms.category_share,
        terms.brand_share,
    ]
    assert f"last {terms.again_after:g} days" in PAGE
    assert DUE == 0.75
    assert "three quarters of the usual time" in PAGE


def test_the_terms_of_the_example_are_those_of_their_decision_points(points):
    assert points["default"].terms == Terms(points["default"].terms.eligible, 5.0, 0.5, 1.0)
    assert points["basket"].terms == Terms(points["default"].terms.eligible, 0.0, 1.0, 1.0)
    assert points["newsletter"].terms.brand_share == 0.3
    assert points["newsletter"].terms.eligible is not points["default"].terms.eligible


def shown(terms, context, *items):
    class Candidate:
        days_ago = interval = None

        def __init__(self, product):
            self.product = product

    facts = Facts({}, stage="active", context=context)
    candidates = [Candidate(item.id) for item in items]
    known = {item.id: item for item in items}
    return [each.product for each in offered(candidates, known, terms, limit=9, now=NOW, facts=facts)]


def test_who_does_not_say_their_age_sees_no_alcohol_and_nothing_of_an_unknown_category(points):
    items = Item("gin", category="alcohol"), Item("tea", category="drinks"), Item("thing")
    assert shown(points["default"].terms, {}, *items) == ["tea"]
    assert shown(points["default"].terms, {"age": 18}, *items) == ["gin", "tea", "thing"]
    lenient = EXAMPLE.replace("eligible: item.category", "eligible: '!has(item.category) || item.category")
    lenient = lenient.replace("context.age >= 18\n", "context.age >= 18'\n")
    terms = parse(lenient.encode(), "docs").decision_points["default"].terms
    assert shown(terms, {}, *items) == ["tea", "thing"]


def test_a_condition_of_the_example_reads_the_price_and_an_attribute(points):
    items = Item("a", price=12.0), Item("b", price=9.0), Item("c", price=12.0, attributes={"bulky": True})
    assert shown(points["newsletter"].terms, {}, *items) == ["a"]
