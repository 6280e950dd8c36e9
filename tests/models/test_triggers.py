"""Each trigger fires at its moment, says why in numbers, and stays silent on what is unknown."""

import math

import pytest

from ebbtide.domain.customer import Stage
from features.catalog import NAMES
from features.lifecycle import stage as stage_of
from features.profile import named, new_state, update, vector
from features.signals.testing import order
from models.triggers import triggers


def found(*, stage: Stage = Stage.ACTIVE, churn: float | None = None, **values: float) -> dict[str, str]:
    everything = dict.fromkeys(NAMES, math.nan) | values
    return {one.id: one.reason for one in triggers(everything, stage, churn)}


@pytest.mark.parametrize(
    ("id_", "moment", "reason"),
    [
        (
            "going_quiet",
            {"stage": Stage.SLIPPING, "overdue_ratio": 3.0, "gap_mean_days": 9.0, "recency_days": 27.0},
            "usually orders every 9 days, last order 27 days ago",
        ),
        ("churn_high", {"churn": 0.7}, "churn probability 70%, at or over 70%"),
        ("first_order_follow_up", {"orders_total": 1.0, "recency_days": 5.0}, "one order so far, 5 days ago"),
        (
            "won_back_welcome",
            {"stage": Stage.WON_BACK, "recency_days": 1.2, "gap_last_days": 200.0},
            "came back 1 day ago, after 200 days without an order",
        ),
        ("refund_follow_up", {"refund_recency_days": 2.0}, "had a refund 2 days ago"),
        (
            "spend_dropping",
            {"spend_trend_30d": -0.6, "orders_total": 9.0, "recency_days": 10.0},
            "still orders, but spent 25% a day of what it was: last 30 days against the 90 before",
        ),
    ],
)
def test_a_trigger_fires_alone_at_its_moment_with_its_reason(id_, moment, reason):
    assert found(**moment) == {id_: reason}


@pytest.mark.parametrize(
    "moment",
    [
        {"stage": Stage.SLIPPING, "overdue_ratio": 2.0, "gap_mean_days": 9.0, "recency_days": 18.0},
        {"stage": Stage.LOST, "overdue_ratio": 20.0, "gap_mean_days": 9.0, "recency_days": 180.0},
        {"churn": 0.69},
        {"orders_total": 1.0, "recency_days": 1.0},
        {"orders_total": 2.0, "recency_days": 5.0},
        {"stage": Stage.WON_BACK, "recency_days": 15.0, "gap_last_days": 200.0},
        {"refund_recency_days": 15.0},
        {"spend_trend_30d": -0.4, "orders_total": 9.0, "recency_days": 10.0},
        {"spend_trend_30d": -1.0, "orders_total": 9.0, "recency_days": 40.0},
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
        return {one.id for one in triggers(values, stage_of(values), None)}

    assert "going_quiet" not in ids(19_095)
    assert "going_quiet" in ids(19_130)
