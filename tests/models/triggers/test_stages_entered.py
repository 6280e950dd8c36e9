"""Which stages are entered, and when: by the rhythm, and by the churn curve."""

from ebbtide.domain.ingest import parse_time
from ebbtide.domain.trigger import STAGE_ENTERED
from models.triggers.moments import Moments
from models.triggers.snapshot import Foretold
from models.triggers.trigger_file import load
from tests.models.triggers.passing import DAY, START, Customer


def test_stages_are_entered_one_after_the_other():
    customer = Customer(Moments(load()))
    for day in range(0, 100, 10):
        customer.order(day * DAY)
    customer.wait(300 * DAY)
    customer.order(300 * DAY)
    entered = [one.stage for one in customer.fired if one.rule == STAGE_ENTERED]
    assert entered == ["new", "active", "loyal", "slipping", "dormant", "lost", "won_back"]
    assert [one.previous for one in customer.fired if one.rule == STAGE_ENTERED][:2] == [None, "new"]
    assert "won_back_welcome" in customer.rules()


class Curve:
    """A risk against the base that a test sets by day, and the moments at which it was asked for."""

    def __init__(self, of_day):
        self.of_day, self.asked = of_day, []

    def __call__(self, state, now):
        self.asked.append(now)
        return Foretold(0.5, self.of_day(round((now - START) / DAY)))


def entered(customer):
    return [
        (one.stage, one.reason, round((parse_time(one.fired_at, "firedAt") - START) / DAY))
        for one in customer.fired
        if one.rule == STAGE_ENTERED
    ][3:]  # those of the first orders


def overdue(of_day):
    """A customer with a pace of 14 days, last heard of on day 100, and then not for 26 days."""
    customer = Customer(Moments(load(), Curve(of_day)))
    for day in range(0, 101, 10):
        customer.order(day * DAY)
    customer.wait(126 * DAY)
    return customer


def test_an_overdue_customer_slips_on_the_day_on_which_the_curve_says_so():
    customer = overdue(lambda day: 2.5 if day >= 117 else 1.0)
    assert entered(customer) == [("slipping", "was loyal, overdue and likely to leave", 117)]
    assert entered(overdue(lambda day: 1.0)) == []


def test_a_risk_that_trembles_around_a_limit_moves_nobody_twice():
    customer = overdue(lambda day: (1.6, 1.4, 1.25)[day % 3])
    assert [stage for stage, _, _ in entered(customer)] == ["slipping"]


def test_who_recovers_without_an_order_goes_back_to_what_they_were():
    customer = overdue(lambda day: 2.5 if 117 <= day < 121 else 1.0)
    assert [(stage, day) for stage, _, day in entered(customer)] == [("slipping", 117), ("loyal", 121)]


def test_for_the_stage_the_model_is_asked_only_while_somebody_is_overdue(rules):
    curve = Curve(lambda day: 1.0)
    customer = Customer(
        rules("{id: cart, events: [Product Added], when: stage == 'new', reason: x}", churn=curve)
    )
    for day in range(0, 101, 10):
        customer.order(day * DAY)
    customer.wait(300 * DAY)
    pace = (2 * 30 + 100) / (2 + 10)
    asked = [round((at - START) / DAY - 100) for at in curve.asked]
    assert asked == [day for day in range(1, 29) if pace < day <= 2 * pace]


def test_the_model_is_asked_once_a_moment_whoever_reads_what_it_says(rules):
    curve = Curve(lambda day: 2.5)
    told = "{id: entered, events: [Stage Entered], when: churn > 0.1, rearm: always, cooldown: 0s, reason: x}"
    customer = Customer(rules(f"{told}\n{{id: high, when: churn > 0.9, reason: '{{stage}}'}}", churn=curve))
    for day in range(0, 121, 30):
        customer.order(day * DAY)
    customer.wait(170 * DAY)
    assert [one.rule for one in customer.fired].count("entered") == 3  # new, active, slipping
    assert len(set(curve.asked)) == len(curve.asked)
