"""Labels read from a history of subscriptions, and of customers that turned out to be one."""

from datetime import UTC, datetime, timedelta

import pytest

from ebbtide.domain.event import Event, Properties
from features import profile
from features.history import HistoryWriter, Row
from models.artefact import Churned
from models.churn import Plan, label
from models.labels import labelled

DAY = 86_400.0
CUTOFF = datetime(2025, 3, 1, tzinfo=UTC)
ZERO = CUTOFF.timestamp()
PLAN = Plan(main=30, active=60, churned=Churned.CANCEL, horizons=(7,))


def history_of(folder, journeys, changed=lambda state: state):
    """Write journeys, by customer: (event name, days from the cut-off)."""
    writer = HistoryWriter(folder)
    for customer, events in journeys.items():
        state = profile.new_state()
        for name, day in events:
            at = ZERO + day * DAY
            profile.update(state, Event(f"{customer}{day}", customer, name, at, Properties()))
            writer.append([Row(customer, profile.encode(changed(state)), at)])
    writer.close()
    return folder


@pytest.fixture(scope="module")
def contracts(tmp_path_factory):
    started = ("Subscription Started", -40)
    return history_of(
        tmp_path_factory.mktemp("contracts"),
        {
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
        },
    )


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


def test_a_customer_who_turned_out_to_be_another_has_no_label(tmp_path):
    def merged(state):
        if state.last_at > ZERO:
            return profile.State(state.catalog, state.last_at, (0, 0), (0, 0), [None] * 17, "other")
        return state

    folder = history_of(tmp_path, {"a": [("Order Completed", -3), ("Page", 2)]}, merged)
    rows = labelled(
        folder, [CUTOFF], Plan(main=30, active=60, horizons=()), until=CUTOFF + timedelta(days=30)
    )
    assert rows[label(30)].isna().tolist() == [True]


def test_of_two_states_at_one_time_the_one_made_last_holds(tmp_path):
    writer = HistoryWriter(tmp_path)
    silent, ordered = profile.new_state(), profile.new_state()
    for state in (silent, ordered):
        profile.update(state, Event("1", "a", "Order Completed", ZERO - DAY, Properties()))
    profile.update(ordered, Event("2", "a", "Order Completed", ZERO + DAY, Properties()))
    writer.append(
        [
            Row("a", profile.encode(silent), ZERO - DAY, 1.0),
            Row("a", profile.encode(ordered), ZERO + 2 * DAY, 3.0),
            Row("a", profile.encode(silent), ZERO + 2 * DAY, 2.0),
        ]
    )
    writer.close()
    rows = labelled(
        tmp_path, [CUTOFF], Plan(main=30, active=60, horizons=()), until=CUTOFF + timedelta(days=30)
    )
    assert rows[label(30)].tolist() == [0.0]
