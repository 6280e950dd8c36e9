"""Events: one decoder for bytes as Segment has them."""

import msgspec
import pytest

from ebbtide.domain.event import EventError, Product, Properties, decode


def raw(**changes):
    call = {
        "type": "track",
        "event": "Order Completed",
        "messageId": "m1",
        "userId": "c1",
        "timestamp": "2026-01-02T03:04:05Z",
    }
    return msgspec.json.encode({**call, **changes})


def test_a_track_call_is_an_event_of_its_name():
    event = decode(raw(properties={"revenue": 12.5, "unknown": {"kept": "in the log"}}))
    assert (event.id, event.customer, event.name, event.at) == (
        "m1",
        "c1",
        "Order Completed",
        1_767_323_045.0,
    )
    assert event.properties == Properties(revenue=12.5)


@pytest.mark.parametrize(
    ("kind", "name"), [("page", "Page Viewed"), ("screen", "Screen Viewed"), ("identify", "identify")]
)
def test_another_call_has_the_name_of_its_kind(kind, name):
    assert decode(raw(type=kind)).name == name


def test_the_user_goes_before_the_anonymous_and_numbers_become_text():
    assert decode(raw(userId=7, anonymousId="a")).customer == "7"
    assert decode(raw(userId=None, anonymousId="a")).customer == "a"


def test_a_time_without_a_zone_is_utc():
    assert decode(raw(timestamp="2026-01-02T03:04:05")).at == decode(raw()).at


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", 1e300, "many"])
def test_a_number_that_would_spoil_a_sum_is_refused(number):
    with pytest.raises(EventError, match=r"revenue"):
        decode(raw(properties={"revenue": number}))
    with pytest.raises(EventError, match=r"products"):
        decode(raw(properties={"products": [{"product_id": 1, "quantity": number}]}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"userId": None}, "expected `userId` or `anonymousId`, found neither"),
        ({"userId": ""}, "found neither"),
        ({"type": "dance"}, "Invalid value 'dance'"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"properties": []}, "properties"),
    ],
)
def test_what_is_wrong_is_said(changes, message):
    with pytest.raises(EventError, match=message):
        decode(raw(**changes))


def test_bytes_that_are_not_json_are_refused():
    with pytest.raises(EventError, match="truncated"):
        decode(b"{")


def test_the_worth_of_an_order_is_its_revenue_then_its_total_then_its_lines():
    lines = (Product("a", price=2.0, quantity=3),)
    assert Properties(revenue=1.0, total=2.0, products=lines).worth() == 1.0
    assert Properties(total=2.0, products=lines).worth() == 2.0
    assert Properties(products=lines).worth() == 6.0
    assert Properties().worth() == 0.0


def test_a_product_is_known_by_its_id_then_by_its_sku():
    assert (Product(product_id=5, sku="s").id, Product(sku="s").id, Product().id) == ("5", "s", None)
