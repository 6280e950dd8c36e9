"""What the triggers that ship say of a customer at a moment: each at its own, with its reason in numbers."""

import math

import pytest

from ebbtide.domain.customer import Stage
from ebbtide.domain.trigger import Fired
from features.catalog import NAMES
from features.lifecycle import stage as stage_of
from features.profile import named, new_state, update, vector
from features.signals.testing import order
from models.triggers.trigger_file import load
from models.triggers.triggers import open_triggers, standing

RULES = load()
QUIET = {"overdue_ratio": 3.0, "gap_mean_days": 9.0, "recency_days": 27.0}


def known(**values: float) -> dict[str, float]:
    return dict.fromkeys(NAMES, math.nan) | values


def found(*, stage: Stage = Stage.ACTIVE, churn: float | None = None, **values: float) -> dict[str, str]:
    return {one.id: one.reason for one in standing(RULES, known(**values), stage, churn)}


@pytest.mark.parametrize(
    ("id_", "moment", "reason"),
    [
        (
            "going_quiet",
            {"stage": Stage.SLIPPING, **QUIET},
            "usually orders every 9 days, last order 27 days ago",
        ),
        ("churn_high", {"churn": 0.7}, "churn probability 70%, at or over 70%"),
        ("first_order_follow_up", {"orders_total": 1.0, "recency_days": 5.0}, "one order so far, 5 days ago"),
        (
            "renewal_at_risk",
            {"payment_failures": 1.0, "renewal_days": 3.5},
            "renews in 3.5 days, and the last payment failed",
        ),
        (
            "engagement_halved",
            {"events_trend_30d": -0.5, "events_30d": 2.0, "events_90d": 20.0},
            "half as active as before: of 20 events in 90 days, 2 in the last 30",
        ),
    ],
)
def test_a_trigger_holds_alone_at_its_moment_with_its_reason(id_, moment, reason):
    assert found(**moment) == {id_: reason}


@pytest.mark.parametrize(
    "moment",
    [
        {"stage": Stage.SLIPPING, **QUIET, "overdue_ratio": 2.0},
        {"stage": Stage.LOST, **QUIET},
        {"churn": 0.69},
        {"orders_total": 1.0, "recency_days": 1.0},
        {"orders_total": 2.0, "recency_days": 5.0},
        {"payment_failures": 1.0, "renewal_days": -1.0},
        {"payment_failures": 0.0, "renewal_days": 3.0},
        {"events_trend_30d": -0.3, "events_30d": 2.0, "events_90d": 20.0},
    ],
)
def test_a_trigger_stays_silent_just_outside_its_moment(moment):
    assert found(**moment) == {}


@pytest.mark.parametrize("stage", Stage)
def test_nothing_is_said_where_nothing_is_known(stage):
    assert found(stage=stage) == {}


def test_silence_alone_raises_a_trigger():
    state = new_state()
    for day in range(19_000, 19_100, 10):
        update(state, order(day, revenue=20.0))

    def ids(day: float) -> set[str]:
        values = named(vector(state, day * 86_400.0))
        return {one.id for one in standing(RULES, values, stage_of(values), None)}

    assert "going_quiet" not in ids(19_095)
    assert "going_quiet" in ids(19_130)


def fired(rule: str) -> Fired:
    times = ("2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z")
    return Fired("id", "c", rule, *times, reason=f"{rule} fired", stage="active", cause="m1")


def test_a_decision_speaks_of_what_fired_and_of_what_holds_in_the_order_of_the_file():
    values = known(**QUIET, cart_items=2.0)
    shown = [fired("detractor"), fired("cart_left"), fired("going_quiet"), fired("of_another_file")]
    triggers = open_triggers(RULES, shown, values, Stage.SLIPPING, None)
    assert [one.id for one in triggers] == ["cart_left", "going_quiet", "detractor"]
    assert triggers[0].reason == "cart_left fired"
    assert triggers[1].reason == "usually orders every 9 days, last order 27 days ago"


def test_a_decision_is_silent_on_a_cart_that_was_bought():
    assert open_triggers(RULES, [fired("cart_left")], known(cart_items=0.0), Stage.ACTIVE, None) == ()


def test_a_rule_whose_reason_names_a_product_is_spoken_of_only_once_it_fired(tmp_path):
    path = tmp_path / "triggers.yaml"
    path.write_text(
        "triggers: [{id: browsing, when: profile.unbought_views_max >= 2, reason: 'keeps viewing {viewed}'}]"
    )
    rules, values = load(path), known(unbought_views_max=3.0)
    assert standing(rules, values, Stage.ACTIVE, None) == ()
    triggers = open_triggers(rules, [fired("browsing")], values, Stage.ACTIVE, None)
    assert [one.reason for one in triggers] == ["browsing fired"]
