"""Events: one decoder for bytes as Segment has them."""

import msgspec
import pytest

from ebbtide.domain.event import Campaign, Context, Device, EventError, Location, Product, Properties, decode


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


def test_an_event_is_about_a_product_by_its_id_then_by_its_sku():
    assert (Properties(product_id=5, sku="s").id, Properties(sku="s").id, Properties().id) == ("5", "s", None)


def test_of_the_context_only_device_campaign_and_country_are_read():
    context = {
        "ip": "10.0.0.1",
        "device": {"id": "d", "type": "ios"},
        "campaign": {"name": "spring", "medium": "email", "source": "newsletter"},
        "location": {"city": "Bremen", "country": "DE"},
    }
    assert decode(raw(context=context)).context == Context(
        Device("ios"), Campaign("email", "newsletter"), Location("DE")
    )
    assert decode(raw(context={"device": None})).context == Context()
    assert decode(raw()).context is None


@pytest.mark.parametrize(
    "misfit",
    [
        {"context": {"location": "Bremen"}},
        {"context": {"device": 3, "campaign": None}},
        {"context": {"campaign": {"medium": 5}}},
        {"context": "web"},
        {"traits": ["vip"]},
        {"properties": {"revenue": 12.5, "comment": 3, "coupon": 5, "name": {}, "category": ["a", "b"]}},
        {"properties": {"revenue": 12.5, "score": "A+", "first_contact": "perhaps", "plan": []}},
        {"properties": {"revenue": 12.5, "products": None}},
    ],
)
def test_what_may_be_missing_does_not_refuse_the_event(misfit):
    event = decode(raw(**{"properties": {"revenue": 12.5}, **misfit}))
    assert event.properties == Properties(revenue=12.5)
    assert event.context in (None, Context())
    assert event.traits is None


def test_no_properties_are_none_given():
    assert decode(raw(properties=None)).properties == Properties()


def test_what_fits_beside_a_misfit_is_read():
    event = decode(
        raw(
            properties={"coupon": 5, "brand": "Oak", "revenue": "12.5"},
            context={"location": "Bremen", "device": {"type": "ios"}},
        )
    )
    assert event.properties == Properties(brand="Oak", revenue=12.5)
    assert event.context == Context(device=Device("ios"))


@pytest.mark.parametrize(
    "wrong",
    [{"revenue": "much"}, {"products": "tea"}, {"products": [{"product_id": {}}]}, {"order_id": []}],
)
def test_money_products_and_ids_have_to_be_right_whatever_else_is_wrong(wrong):
    with pytest.raises(EventError, match=next(iter(wrong))):
        decode(raw(properties={**wrong, "comment": 3}, context="web"))


def test_a_call_that_nests_without_end_is_refused():
    deep = b"[" * 50_000 + b"]" * 50_000
    with pytest.raises(EventError, match="recursion"):
        decode(raw(properties={"deep": 1}).replace(b":1}", b":" + deep + b"}"))


def test_feedback_is_read_with_its_score_its_words_and_its_ticket():
    found = decode(raw(properties={"score": "9", "comment": "null", "ticket_id": 7, "first_contact": True}))
    assert found.properties == Properties(score=9.0, comment="null", ticket_id=7, first_contact=True)


@pytest.mark.parametrize("given", ["2026-02-01", "1767323045", 1767323045.0])
def test_a_date_of_renewal_is_kept_as_it_came(given):
    assert decode(raw(properties={"plan": "gold", "renewal_date": given})).properties == Properties(
        plan="gold", renewal_date=given
    )
