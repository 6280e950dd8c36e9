"""The reference against values worked out by hand."""

import math
import zlib

import pytest

from ebbtide.domain.event import Campaign, Context, Device, Event, Location, Product, Properties
from ebbtide.verify import reference

DAY, HOUR = 86_400.0, 3_600.0


def event(name, at, traits=None, context=None, customer="c", **properties):
    return Event(
        f"{name}-{at}-{properties}", customer, name, at, Properties(**properties), traits, context=context
    )


def order(at, revenue, *products, **more):
    lines = tuple(Product(product_id=product, quantity=2) for product in products)
    return event("Order Completed", at, revenue=revenue, products=lines, **more)


def values(*events, now):
    return reference.values(events, now)


@pytest.mark.parametrize("name", ["Product Back In Stock", "Decision Outcome", "Email Bounced"])
def test_what_the_house_did_is_nothing_that_the_customer_did(name):
    told = event(name, 44 * DAY, product_id="tea")
    assert str(values(order(0.0, 10.0), told, now=45 * DAY)) == str(values(order(0.0, 10.0), now=45 * DAY))


@pytest.mark.parametrize("name", reference.NOT_THEIRS)
def test_a_message_received_counts_for_its_channel_alone(name):
    without = values(order(0.0, 10.0), now=45 * DAY)
    found = values(order(0.0, 10.0), event(name, 44 * DAY), now=45 * DAY)
    channels = ("email", "push", "sms", "in_app", "best_channel")
    differs = {value for value in found if str(found[value]) != str(without[value])}
    assert all(value.startswith(channels) for value in differs)


def test_orders_and_money():
    found = values(
        order(0 * DAY, 10.0, "milk", "tea"),
        order(10 * DAY, 20.0, "milk"),
        order(40 * DAY, 30.0),
        event("Order Refunded", 41 * DAY, revenue=15.0),
        now=45 * DAY,
    )
    assert found["recency_days"] == 5.0
    assert (found["orders_total"], found["orders_7d"], found["orders_30d"]) == (3.0, 1.0, 1.0)
    assert (found["spend_total"], found["spend_90d"], found["order_value_mean"]) == (60.0, 60.0, 20.0)
    assert found["order_value_last"] == 30.0
    assert (found["refunds_total"], found["refund_share"], found["refund_recency_days"]) == (1.0, 0.25, 4.0)
    assert (found["gaps_total"], found["gap_mean_days"], found["gap_max_days"]) == (2.0, 20.0, 30.0)
    assert found["gap_std_days"] == pytest.approx(math.sqrt(200))
    assert (found["overdue_ratio"], found["purchase_days"]) == (0.25, 3.0)
    assert (found["basket_lines_mean"], found["basket_lines_last"], found["basket_units_mean"]) == (1.5, 1, 3)
    assert found["orders_trend_30d"] == pytest.approx((1 / 30 - 2 / 90) / (1 / 30 + 2 / 90))


def test_a_window_is_today_and_the_days_before_it():
    now = 100 * DAY + HOUR
    assert values(order(94 * DAY, 1.0), now=now)["orders_7d"] == 1.0
    assert values(order(94 * DAY - 1, 1.0), now=now)["orders_7d"] == 0.0
    assert values(order(100 * DAY - 1, 1.0), now=now)["orders_1d"] == 0.0


def test_half_a_half_life():
    found = values(order(0.0, 8.0), now=7 * DAY)
    assert found["spend_decayed_7d"] == 4.0
    assert found["events_decayed_1d"] == 2**-7


def test_visits():
    pages = [event("Page Viewed", at) for at in (0, 1800, 3601, DAY - 10, DAY + 10)]
    found = values(*pages, now=DAY + 20)
    assert (found["sessions_total"], found["sessions_1d"]) == (3.0, 0.0)  # the last one began yesterday
    assert found["session_depth_mean"] == 5 / 3
    assert found["session_length_mean_minutes"] == pytest.approx((30 + 0 + 1 / 3) / 3)
    assert found["session_single_share"] == 1 / 3


def test_a_cart_lives_from_the_last_order_on():
    found = values(
        event("Product Added", 1.0, product_id="old", price=9.0),
        order(2.0, 9.0, "old"),
        event("Product Added", 3.0, product_id="tea", price=2.0, quantity=3),
        event("Product Added", 4.0, product_id="milk", price=1.0),
        event("Product Added", 5.0, product_id="soap", price=5.0),
        event("Product Removed", 5.0, product_id="soap"),
        now=4.0 + 2 * HOUR,
    )
    assert (found["cart_items"], found["cart_value"], found["cart_age_hours"]) == (2.0, 7.0, 2.0)
    assert found["products_added_total"] == 4.0


def test_views_count_until_the_product_is_bought():
    views = [event("Product Viewed", at, product_id="tea") for at in range(1, 13)]
    found = values(*views, event("Product Viewed", 1.5, product_id="milk"), now=20.0)
    assert (found["unbought_views_max"], found["unbought_products"]) == (8.0, 2.0)
    found = values(*views, order(10.0, 1.0, "tea"), now=20.0)
    assert (found["unbought_views_max"], found["unbought_products"]) == (2.0, 1.0)
    assert values(*views, now=31 * DAY)["unbought_products"] == 0.0


def test_interest_weighs_a_line_bought_as_four_views():
    tea = Product(product_id="1", category="Tea")
    found = values(
        event("Order Completed", 0.0, products=(tea,), coupon="x"),
        *(event("Product Viewed", 0.0, product_id=str(nth), category="TOYS") for nth in range(2)),
        now=0.0,
    )
    assert found["category_top_share"] == pytest.approx(2 / 3)
    assert found["category_entropy"] == pytest.approx(-(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3)))
    assert math.isnan(found["brand_entropy"])
    assert found["discounted_order_share"] == 1.0


def test_a_repertoire_of_two_products_in_four_lines():
    found = values(order(0.0, 1.0, "a", "b"), order(1.0, 1.0, "a", "b"), now=2.0)
    assert (found["products_distinct"], found["repeat_share"]) == (2.0, 0.5)


def test_a_repertoire_of_many_products_is_estimated():
    many = [str(number) for number in range(65)]
    bits = {zlib.crc32(product.encode()) % 512 for product in many}
    found = values(order(0.0, 1.0, *many), now=2.0)
    assert found["products_distinct"] == pytest.approx(-512 * math.log((512 - len(bits)) / 512))
    assert values(order(0.0, 1.0, *many[:64]), now=2.0)["products_distinct"] == 64.0


def test_answers():
    monday = 4 * DAY  # 1970-01-05
    found = values(
        event("Email Delivered", monday),
        event("Email Delivered", monday + 1),
        event("Email Opened", monday + HOUR),
        event("Email Link Clicked", monday + HOUR),
        event("SMS Delivered", monday),
        now=monday + DAY,
    )
    assert (found["email_sent"], found["email_open_rate"], found["email_answer_rate"]) == (2.0, 0.5, 0.5)
    assert found["email_answer_days"] == pytest.approx(23 / 24)
    assert (found["best_channel"], found["best_hour"]) == (0.0, 1.0)
    assert math.isnan(values(now=0.0)["best_channel"])


def test_feedback():
    found = values(
        event("NPS Submitted", 0.0, score=9, comment="I love it"),
        event("NPS Submitted", DAY, score=6),
        event("Ticket Opened", 0.0, ticket_id="t1"),
        event("Ticket Resolved", 2 * HOUR, ticket_id="t1", first_contact=True),
        event("Ticket Opened", DAY, ticket_id="t2"),
        event("Review Submitted", 2 * DAY, rating=2, review_body="This is terrible"),
        now=3 * DAY,
    )
    assert (found["nps_last"], found["nps_mean"], found["nps_days"]) == (6.0, 7.5, 2.0)
    assert found["nps_detractor"] == 1.0
    assert (found["tickets_total"], found["tickets_open"]) == (2.0, 1.0)
    assert (found["ticket_resolution_hours_mean"], found["ticket_first_contact_share"]) == (2.0, 1.0)
    assert (found["reviews_total"], found["review_last"]) == (1.0, 2.0)
    assert found["sentiment_last"] < 0 < found["sentiment_mean"] - found["sentiment_last"]


def test_a_subscription_that_was_cancelled_and_taken_up_again():
    life = [
        event("Subscription Started", 0.0, plan="basic", renewal_date="1970-01-31"),
        event("Payment Failed", DAY),
        event("Payment Failed", 2 * DAY),
        event("Cancellation Requested", 3 * DAY),
    ]
    found = values(*life, now=4 * DAY)
    assert (found["subscribed"], found["cancellation_asked"], found["payment_failures"]) == (1.0, 1.0, 2.0)
    assert found["renewal_days"] == 26.0
    found = values(*life, event("Subscription Renewed", 4 * DAY), now=5 * DAY)
    assert (found["subscribed"], found["cancellation_asked"], found["payment_failures"]) == (1.0, 0.0, 0.0)
    found = values(*life, event("Subscription Cancelled", 4 * DAY), now=5 * DAY)
    assert found["subscribed"] == 0.0


def test_the_newest_country_and_the_first_channel_count():
    def seen(at, country, medium):
        return event(
            "Page Viewed",
            at,
            context=Context(Device("ios"), Campaign(medium=medium), Location(country)),
        )

    found = values(seen(0.0, "DE", "cpc"), seen(1.0, "FR", "email"), now=2.0)
    told = values(event("identify", 0.0, traits={"country": "fr"}), seen(1.0, None, "CPC"), now=1.0)
    assert found["country_code"] == told["country_code"]
    assert found["first_channel_code"] == told["first_channel_code"]
    assert 0 <= found["device_code"] < 1000


def test_one_event_twice_and_one_yet_to_come_change_nothing():
    first, later = order(0.0, 10.0), order(2.0, 5.0)
    assert values(first, first, later, now=1.0) == pytest.approx(values(first, now=1.0), nan_ok=True)
