import pytest

from ebbtide.domain.event import Event, Properties
from models.actions.cohort import Trial, cohort

DAY = 86_400.0
SINCE = 100 * DAY
TRIAL = Trial(SINCE, horizon=10, active=30)


def visit(customer, day):
    return Event(f"v-{customer}-{day}", customer, "Page Viewed", day * DAY)


def order(customer, day):
    return Event(f"o-{customer}-{day}", customer, "Order Completed", day * DAY, Properties(revenue=20.0))


def followed(*events, until=200):
    return cohort(events, TRIAL, lambda customer: customer.startswith("h"), now=until * DAY)


def test_those_active_when_it_began_come_in_then_and_new_ones_with_their_first_event():
    found = followed(visit("old", 90), visit("new", 120))
    assert found.due.tolist() == [110 * DAY, 130 * DAY]


def test_nobody_comes_in_with_a_message_that_they_were_sent():
    mailed = Event("m", "mailed", "Email Delivered", 120 * DAY)
    assert followed(visit("old", 90), mailed).due.tolist() == [110 * DAY]


def test_those_who_had_been_away_are_left_out_even_if_they_return():
    assert followed(visit("gone", 10), order("gone", 105)).due.tolist() == []


def test_orders_count_within_the_horizon_only():
    found = followed(visit("a", 90), order("a", 95), order("a", 105), order("a", 108), order("a", 111))
    assert found.retained.tolist() == [1.0]
    assert found.money.tolist() == [40.0]
    assert followed(visit("a", 90), order("a", 111)).retained.tolist() == [0.0]


def test_an_order_that_is_told_twice_counts_once():
    assert followed(visit("a", 90), order("a", 105), order("a", 105)).money.tolist() == [20.0]


def test_a_customer_counts_when_the_horizon_has_passed_and_not_before():
    events = visit("a", 90), order("a", 105)
    assert followed(*events, until=109).due.tolist() == []
    assert followed(*events, until=110).retained.tolist() == [1.0]


def test_ids_of_one_customer_count_once():
    named = Event("i", "user", "identify", 106 * DAY, also="a7")
    found = followed(visit("a7", 90), order("a7", 105), named)
    assert found.due.tolist() == [110 * DAY]
    assert found.money.tolist() == [20.0]


def test_the_order_of_those_who_came_in_together_favours_no_arm():
    events = [visit(f"{arm}{number}", 90) for arm in ("h", "t") for number in range(200)]
    found = followed(*events)
    assert found.held_out[:200].mean() == pytest.approx(0.5, abs=0.15)
    assert found.held_out.tolist() == followed(*reversed(events)).held_out.tolist()
