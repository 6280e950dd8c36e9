"""The generator of events."""

from collections import Counter
from itertools import pairwise

from benchmarks.events import generate
from ebbtide.domain.event import decode

KINDS = {
    *("identify", "Page Viewed", "Screen Viewed", "Product Viewed", "Product Added", "Product Removed"),
    *("Checkout Started", "Coupon Applied", "Order Completed", "Order Refunded", "Cart Viewed"),
    *("Email Delivered", "Email Opened", "Email Link Clicked", "Unsubscribed"),
    *("Push Notification Received", "Push Notification Tapped", "SMS Delivered", "SMS Link Clicked"),
    *("In-App Message Received", "In-App Message Opened", "In-App Message Clicked"),
    *("Promotion Viewed", "Promotion Clicked", "NPS Submitted", "CSAT Submitted", "CES Submitted"),
    *("Ticket Opened", "Ticket Resolved", "Review Submitted"),
    *("Subscription Started", "Subscription Updated", "Subscription Renewed", "Subscription Cancelled"),
    *("Cancellation Requested", "Payment Failed", "Payment Succeeded"),
}


def test_the_same_seed_gives_the_same_events_and_another_one_others():
    assert list(generate(300, 5, seed=1)) == list(generate(300, 5, seed=1))
    assert list(generate(300, 5, seed=1)) != list(generate(300, 5, seed=2))


def test_events_come_in_time_order_with_ids_of_their_own_over_the_days_asked_for():
    events = [decode(raw) for raw in generate(10_000, 50, seed=1, days=300.0)]
    assert len({event.id for event in events}) == 10_000
    assert all(one.at <= following.at for one, following in pairwise(events))
    assert 200 < (events[-1].at - events[0].at) / 86_400 < 400


def test_every_kind_of_event_is_there_and_orders_carry_their_lines():
    events = [decode(raw) for raw in generate(20_000, 40, seed=1)]
    counts = Counter(event.name for event in events)
    assert set(counts) >= KINDS
    orders = [event.properties for event in events if event.name == "Order Completed"]
    assert 0.01 < len(orders) / len(events) < 0.1
    assert all(order.products and order.worth() > 0 for order in orders)
