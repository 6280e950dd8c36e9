"""Messages: slots are known, filled for each customer, and leave no trace where nothing is known."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.actions.messages import Slots, faults, filled


@pytest.mark.parametrize(
    ("message", "given", "told"),
    [
        ("Hi {first_name|there}!", {}, "Hi there!"),
        ("Hi {first_name|there}!", {"first_name": "Ada"}, "Hi Ada!"),
        ("Hi {first_name}, come back", {}, "Hi, come back"),
        ("{product} is back", {"product": "Earl Grey"}, "Earl Grey is back"),
        ("{profile.recency_days} days", {"profile.recency_days": 31.4}, "31 days"),
        ("{profile.orders_per_month}", {"profile.orders_per_month": 1.25}, "1.2"),
        ("{context.city|your town}", {"context.city": "Ulm"}, "Ulm"),
        ("{context.city|your town}", {"context.city": ["Ulm"]}, "your town"),
        ("no slots", {}, "no slots"),
    ],
)
def test_slots_are_filled_or_take_their_default(message, given, told):
    assert filled(message, given) == told


def test_what_slots_stand_for_comes_from_signals_context_and_products():
    found = Slots(
        {"recency_days": 3.0, "spend_total": math.nan},
        "new",
        context={"firstName": "Ada", "city": "Ulm"},
        products=["tea", "milk"],
    )
    assert found.get("profile.recency_days") == 3.0
    assert found.get("profile.spend_total") is None
    assert [found.get(name) for name in ("first_name", "context.city", "product", "stage")] == [
        *("Ada", "Ulm", "tea", "new")
    ]
    assert [Slots({}, "new").get(name) for name in ("product", "profile.x", "context.x", "x", "")] == [
        None
    ] * 5


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("{produkt}", "found {produkt}; did you mean 'product'?"),
        ("{profile.recency_day}", "did you mean 'recency_days'?"),
        ("{context.}", "found {context.}"),
        ("{}", "found {}"),
        ("a } b", "found a brace that is none"),
        ("{a|b|c}", "found a brace that is none"),
    ],
)
def test_a_slot_that_is_none_is_a_fault(message, told):
    assert told in "; ".join(faults(message))


@given(st.text(alphabet="ab {}|.", max_size=30), st.text(max_size=10))
def test_what_fills_a_slot_is_never_read_as_a_slot(message, value):
    assert filled("{first_name}" + "x", {"first_name": f"{{product}}{value}y"}).startswith("{product}")
    if not list(faults(message)):
        assert "{" not in filled(message, {})
