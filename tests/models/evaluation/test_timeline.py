"""The replay: cut-offs that fit the log, nothing known too early, labels as counted from the orders."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ebbtide.domain.event import Event, Properties
from ebbtide.errors import ModelError
from features.catalog import NAMES
from models.evaluation.timeline import APART, DAY, MOST, MOST_CUSTOMERS, sampling, schedule, stops

BEGIN = 20_000 * DAY


def order(customer, day, name="Order Completed", **changes):
    at = BEGIN + day * DAY
    return Event(f"{customer}-{day}-{name}", customer, name, at, Properties(revenue=10.0), **changes)


def drawn(seed=5, customers=40, days=200):
    """Events in time order; every fourth is a refund."""
    rng = np.random.default_rng(seed)
    found = [
        order(
            f"c{rng.integers(customers)}",
            float(day),
            "Order Refunded" if place % 4 == 0 else "Order Completed",
        )
        for place, day in enumerate(np.sort(rng.uniform(0, days, 600)))
    ]
    # an order at midnight belongs to the day that begins
    return sorted([*found, order("midnight", 100.0), order("midnight", 160.0)], key=lambda event: event.at)


def planned(events, **changes):
    return schedule(events[0].at, events[-1].at, **{"horizon": 30, "active": 60} | changes)


def test_the_test_cut_off_is_the_midnight_after_the_last_day_less_the_horizon():
    found = schedule(BEGIN, BEGIN + 199.5 * DAY, horizon=30, active=60)
    assert found.tests == (BEGIN + 170 * DAY,)
    assert found.train[-1] == BEGIN + 140 * DAY
    assert {b - a for a, b in zip(found.train, found.train[1:], strict=False)} == {APART * DAY}


@settings(deadline=None)
@given(st.integers(1, 900), st.integers(1, 200), st.booleans(), st.floats(0, 0.99))
def test_no_training_label_looks_past_its_test_cut_off(days, horizon, rolling, part):
    first = BEGIN + part * DAY
    try:
        found = schedule(first, BEGIN + days * DAY, horizon=horizon, active=60, rolling=rolling)
    except ModelError:
        assume(days <= 2 * horizon + APART + 1)
        return
    end = BEGIN + (days + 1) * DAY
    assert found.tests[-1] == end - horizon * DAY
    for test in found.tests:
        known = found.known(test)
        assert 1 <= len(known) <= MOST
        assert known[-1] == test - horizon * DAY
        assert known[0] > first
    if rolling and len(found.tests) > 1:
        assert found.tests[0] >= end - (end - first) / 3


def test_a_short_log_has_closer_training_cut_offs():
    found = schedule(BEGIN, BEGIN + 39.5 * DAY, horizon=7, active=14)
    assert len(found.train) >= 3
    assert {b - a for a, b in zip(found.train, found.train[1:], strict=False)} == {2 * DAY}


@pytest.mark.parametrize(("days", "step"), [(575, 28), (574, 14)])
def test_cut_offs_are_spread_over_a_year_once_the_log_has_one_of_them(days, step):
    found = schedule(BEGIN, BEGIN + days * DAY, horizon=60, active=120)
    known = found.known(found.tests[0])
    assert len(known) == MOST
    assert {b - a for a, b in pairwise(known)} == {step * DAY}
    assert found.used == known


def test_each_test_cut_off_of_a_long_log_has_its_own_year_and_earlier_ones_half_of_one():
    found = schedule(BEGIN, BEGIN + 600 * DAY, horizon=60, active=120, rolling=True)
    spans = [(known[-1] - known[0]) / DAY for known in map(found.known, found.tests)]
    assert set(spans) == {168.0, 336.0}
    assert spans == sorted(spans)


def test_a_horizon_too_long_for_the_log_is_an_error_that_says_what_is_there():
    with pytest.raises(ModelError, match=r"at least 134 days .* found 100 days"):
        schedule(BEGIN, BEGIN + 99.5 * DAY, horizon=60, active=60)


def test_who_is_active_and_who_churned_is_as_counted_from_the_orders():
    events = drawn()
    orders = [(event.customer, event.at) for event in events if event.name == "Order Completed"]
    found = list(stops(events, planned(events, rolling=True), sampling(40)))
    assert len(found) > 1
    for stop in found:
        cut = stop.asked.cut
        active = {who for who, at in orders if cut - 60 * DAY <= at < cut}
        stayed = {who for who, at in orders if cut <= at < cut + 30 * DAY}
        assert set(stop.asked.customers) == active
        assert stop.asked.churned(30).tolist() == [who not in stayed for who in stop.asked.customers]


def test_what_is_known_at_a_cut_off_does_not_change_with_what_comes_later():
    events = drawn()
    plan = planned(events)
    [whole] = stops(events, plan, sampling(40))
    [cut_short] = stops([event for event in events if event.at < plan.tests[0]], plan, sampling(40))
    np.testing.assert_array_equal(whole.asked.matrix, cut_short.asked.matrix)
    np.testing.assert_array_equal(whole.everyone, cut_short.everyone)
    for full, part in zip(whole.past, cut_short.past, strict=True):
        np.testing.assert_array_equal(full.matrix, part.matrix)
        np.testing.assert_array_equal(full.churned(30), part.churned(30))
        assert full.cut + 30 * DAY <= plan.tests[0]


def test_two_ids_that_turn_out_to_be_one_customer_are_one_row():
    events = [order("anonymous-7", 1.0), order("known", 40.0)]
    events += [Event("link", "known", "identify", BEGIN + 41 * DAY, also="anonymous-7")]
    events += [order("anonymous-7", day) for day in (60.0, 99.0)] + [order("other", 99.5)]
    [stop] = stops(events, planned(events, horizon=20), sampling(3))
    assert stop.asked.customers.tolist() == ["known"]
    assert stop.asked.matrix[0, NAMES.index("orders_total")] == 3.0
    assert stop.asked.churned(20).tolist() == [False]


def test_of_many_customers_the_same_few_train_and_all_are_tested_on():
    trains = sampling(4 * MOST_CUSTOMERS)
    chosen = [who for who in map(str, range(20_000)) if trains(who)]
    assert 4_500 < len(chosen) < 5_500
    assert chosen == [who for who in map(str, range(20_000)) if sampling(4 * MOST_CUSTOMERS)(who)]
    events = drawn()
    [stop] = stops(events, planned(events), lambda who: who == "c1")
    assert {who for look in stop.past for who in look.customers} == {"c1"}
    assert len(stop.everyone) == 1
    assert len(stop.asked.customers) > 20
