import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.alert import ClearedBy
from ebbtide.domain.event import Event
from ebbtide.logs.alerts import Last
from features.profile import new_state, update
from features.signals.testing import order
from models.churn.artefact import Churned
from models.churn.curve import ChurnCurve
from models.churn.risk import Policy, Sight, Step, look, next_check, next_crossing, probability, verdict
from tests.churn_model import artefact

DAY = 86_400.0
CURVE = ChurnCurve(artefact())
POLICY = Policy()


def customer(*days):
    state = new_state()
    for day in days:
        update(state, order(day, revenue=10.0))
    return state


WEEKLY = customer(*range(100, 171, 10))


def sight(p, ordered_at=0.0, closes_at=1000 * DAY):
    return Sight([], p, ordered_at, closes_at)


def test_the_crossing_is_where_the_probability_reaches_the_threshold():
    found = next_crossing(CURVE, WEEKLY, 171 * DAY, 0.7)
    assert found is not None
    assert probability(CURVE, WEEKLY, found) >= 0.7
    assert probability(CURVE, WEEKLY, found - 3600) < 0.7


@given(st.floats(0.05, 0.95), st.floats(0, 60))
def test_before_the_crossing_nothing_is_missed_and_at_it_nothing_is_lacking(threshold, later):
    now = (170 + later) * DAY
    found = next_crossing(CURVE, WEEKLY, now, threshold)
    assert found is not None
    assert found > now
    assert probability(CURVE, WEEKLY, found) >= threshold
    if found - 3600 > now:
        assert probability(CURVE, WEEKLY, found - 3600) < threshold


@given(st.floats(0.05, 0.95), st.floats(0, 60))
def test_checks_lead_to_the_crossing_without_passing_it(threshold, later):
    now = (170 + later) * DAY
    crossing = next_crossing(CURVE, WEEKLY, now, threshold)
    checks = [now]
    while probability(CURVE, WEEKLY, checks[-1]) < threshold:
        checks.append(next_check(CURVE, WEEKLY, checks[-1], threshold))
    assert checks == sorted(set(checks))
    assert checks[-1] <= crossing + 3600
    assert len(checks) < 20


def test_a_probability_that_never_gets_there_has_no_crossing():
    assert next_crossing(CURVE, customer(170), 171 * DAY, 0.7) is None  # one order has no rhythm
    assert next_crossing(CURVE, WEEKLY, 171 * DAY, 0.7, until=172 * DAY) is None
    assert next_check(CURVE, customer(170), 171 * DAY, 0.7) is None


def test_whoever_never_ordered_is_not_judged():
    assert look(CURVE, new_state(), 171 * DAY) is None


def test_the_chance_closes_when_the_stage_would_become_lost():
    found = look(CURVE, WEEKLY, 171 * DAY)
    assert found is not None
    pace = (2 * 30 + 70) / (2 + 7)
    assert found.ordered_at == pytest.approx(170 * DAY)
    assert found.closes_at == pytest.approx((170 + 8 * pace) * DAY)
    assert look(CURVE, WEEKLY, found.closes_at) is None


def test_the_chance_closes_at_the_latest_when_nobody_so_silent_was_trained_on():
    found = look(CURVE, customer(0, 60, 120, 180), 181 * DAY)
    assert found is not None
    assert found.closes_at == pytest.approx((180 + 120) * DAY)


@pytest.mark.parametrize(
    ("seen", "last", "step", "by"),
    [
        (sight(0.69), None, Step.NOTHING, None),
        (sight(0.7), None, Step.RAISE, None),
        (sight(0.99), Last("a", 10.0), Step.NOTHING, None),
        (sight(0.61), Last("a", 10.0), Step.NOTHING, None),
        (sight(0.59), Last("a", 10.0), Step.CLEAR, ClearedBy.RECOVERED),
        (sight(0.99, ordered_at=11.0), Last("a", 10.0), Step.CLEAR, ClearedBy.ORDER),
        (None, Last("a", 10.0), Step.CLEAR, ClearedBy.CLOSED),
        (None, Last("a", 10.0, 20.0), Step.NOTHING, None),
        (None, None, Step.NOTHING, None),
        (sight(0.9), Last("a", 10.0, 100 * DAY - 14 * DAY + 1), Step.NOTHING, None),
        (sight(0.9), Last("a", 10.0, 100 * DAY - 14 * DAY), Step.RAISE, None),
    ],
)
def test_one_decline_gives_one_alert(seen, last, step, by):
    found = verdict(POLICY, seen, last, 100 * DAY)
    assert (found.step, found.by) == (step, by)


def test_an_open_alert_is_looked_at_again_when_its_chance_closes():
    assert verdict(POLICY, sight(0.9), Last("a", 10.0), 100 * DAY).again == 1000 * DAY


def test_what_is_left_alone_is_looked_at_after_the_cooldown():
    found = verdict(POLICY, sight(0.9), Last("a", 0.0, 99 * DAY), 100 * DAY)
    assert found.again == 113 * DAY


def test_with_cancellations_only_the_subscribed_are_judged():
    curve = ChurnCurve(msgspec.structs.replace(artefact(), churned=Churned.CANCEL))
    state = customer(1, 2)
    assert look(curve, state, 3 * DAY) is None
    update(state, Event("s", "c", "Subscription Started", 2 * DAY))
    found = look(curve, state, 3 * DAY)
    assert found is not None
    assert math.isinf(found.ordered_at)
    assert found.closes_at == (3 + 60) * DAY
