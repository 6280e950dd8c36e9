"""Labels read from a history of subscriptions, and of customers that turned out to be one."""

from datetime import UTC, datetime, timedelta

import pytest

from ebbtide.domain.event import Event, Properties
from models.churn.artefact import Churned
from models.churn.churn import Plan, label
from models.churn.labels import labelled
from tests.archive import history_of

DAY = 86_400.0
CUTOFF = datetime(2025, 3, 1, tzinfo=UTC)
ZERO = CUTOFF.timestamp()
PLAN = Plan(main=30, active=60, churned=Churned.CANCEL, horizons=(7,))


def events(journeys):
    """Journeys by customer: (event name, days from the cut-off)."""
    return [
        Event(f"{customer}{day}", customer, name, ZERO + day * DAY, Properties())
        for customer, journey in journeys.items()
        for name, day in journey
    ]


@pytest.fixture(scope="module")
def contracts(tmp_path_factory):
    started = ("Subscription Started", -40)
    journeys = {
        "stays": [started, ("Page", 3)],
        "cancels": [started, ("Subscription Cancelled", 5)],
        "asks": [started, ("Cancellation Requested", 20)],
        "cancels late": [started, ("Subscription Cancelled", 31)],
        "on the last day": [started, ("Subscription Cancelled", 7)],
        "comes back": [started, ("Subscription Cancelled", 5), ("Subscription Started", 6)],
        "gone before": [started, ("Subscription Cancelled", -1)],
        "asked before": [started, ("Cancellation Requested", -1), ("Subscription Cancelled", 2)],
        "starts later": [("Order Completed", -3), ("Subscription Started", 1)],
        "only orders": [("Order Completed", -3)],
    }
    with history_of(tmp_path_factory.mktemp("contracts"), events(journeys)) as history:
        yield history


def test_a_cancellation_or_a_request_within_the_horizon_is_churn(contracts):
    rows = labelled(contracts, [CUTOFF], PLAN, until=CUTOFF + timedelta(days=30)).set_index("customer_id")
    assert rows[label(7)].to_dict() == {
        "stays": 0.0,
        "cancels": 1.0,
        "asks": 0.0,
        "cancels late": 0.0,
        "on the last day": 1.0,
        "comes back": 1.0,
    }
    assert rows[label(30)].to_dict() == rows[label(7)].to_dict() | {"asks": 1.0}


def test_a_horizon_that_ends_too_late_has_no_label(contracts):
    rows = labelled(contracts, [CUTOFF], PLAN, until=CUTOFF + timedelta(days=29))
    assert rows[label(30)].isna().all()
    assert rows[label(7)].notna().all()


def test_silence_does_not_ask_for_a_subscription(contracts):
    plan = Plan(main=30, active=60, horizons=())
    rows = labelled(contracts, [CUTOFF], plan, until=CUTOFF + timedelta(days=30))
    assert rows["customer_id"].tolist() == ["only orders", "starts later"]
    assert rows[label(30)].tolist() == [1.0, 1.0]


def test_a_customer_who_turned_out_to_be_another_has_no_label_and_the_other_has_one(tmp_path):
    plan = Plan(main=30, active=60, horizons=(7,))
    told = events({"a": [("Order Completed", -3)], "u": [("Order Completed", -20)]})
    told.append(Event("link", "u", "identify", ZERO + 10 * DAY, also="a"))
    told += events({"a": [("Order Completed", 12)]})
    with history_of(tmp_path, told) as history:
        rows = labelled(history, [CUTOFF], plan, until=CUTOFF + timedelta(days=30)).set_index("customer_id")
    assert rows[label(7)].to_dict() == {"a": 1.0, "u": 1.0}
    assert rows[label(30)].isna().to_dict() == {"a": True, "u": False}
    assert rows.loc["u", label(30)] == 0.0
