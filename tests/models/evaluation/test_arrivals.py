"""A frozen model asked every week: what it may know, whom it answers for, and in which order."""

import math

import numpy as np
import pytest

from ebbtide.domain.event import Event, Properties
from ebbtide.errors import ModelError
from models.evaluation.arrivals import WEEK, arrivals, weekly
from models.evaluation.timeline import DAY, sampling, schedule, stops

BEGIN = 20_000 * DAY
HORIZON, ACTIVE = 14, 28


def leaving(customers=120, days=160, seed=4):
    """Orders by a rhythm, until each customer leaves."""
    rng = np.random.default_rng(seed)
    events = []
    for who in range(customers):
        at, gap, end = rng.uniform(0, 60), rng.uniform(2, 15), rng.uniform(30, 1.5 * days)
        while at < min(end, days):
            properties = Properties(revenue=10.0)
            events.append(Event(f"{who}-{at}", f"c{who}", "Order Completed", BEGIN + at * DAY, properties))
            at += rng.exponential(gap)
    return sorted(events, key=lambda event: event.at)


@pytest.fixture(scope="module")
def asked():
    events = leaving()
    planned = weekly(schedule(events[0].at, events[-1].at, horizon=HORIZON, active=ACTIVE, rolling=True))
    everyone = sampling(120)
    return events, planned, arrivals(stops(events, planned, everyone), planned, everyone)


def test_the_model_is_frozen_at_the_first_cut_off_and_knows_no_later_outcome(asked):
    _, planned, _ = asked
    assert set(np.diff(planned.tests)) == {WEEK}
    assert all(planned.known(test) == planned.train for test in planned.tests)
    assert planned.train[-1] + HORIZON * DAY <= planned.tests[0]


def test_everyone_active_is_answered_for_each_week_in_order_of_time(asked):
    events, planned, predictions = asked
    assert [each.at for each in predictions] == sorted(each.at for each in predictions)
    for cut in planned.tests:
        active = {event.customer for event in events if cut - ACTIVE * DAY <= event.at < cut}
        assert {each.customer for each in predictions if each.at == cut} == active


def test_the_next_order_is_that_of_the_log(asked):
    events, _, predictions = asked
    for each in predictions[:: len(predictions) // 50]:
        later = [event.at for event in events if event.customer == each.customer and event.at >= each.at]
        assert each.next_order == pytest.approx(min(later, default=math.inf), abs=1.1)


def test_nobody_is_answered_for_who_is_not_wanted(asked):
    events, planned, predictions = asked
    few = {"c1", "c2", "c3"}
    found = arrivals(stops(events, planned, sampling(120)), planned, few.__contains__)
    expected = {(each.customer, each.at): each.probability for each in predictions if each.customer in few}
    told = {(each.customer, each.at): each.probability for each in found}
    assert told == pytest.approx(expected, abs=1e-12)  # fewer rows at a time are summed in another order


def test_too_little_to_train_on_is_an_error(asked):
    events, planned, _ = asked
    with pytest.raises(ModelError, match="training: expected at least 100 rows"):
        arrivals(stops(events, planned, lambda _: False), planned, lambda _: True)
