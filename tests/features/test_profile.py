"""State, update and vector of a customer."""

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebbtide.domain.event import BACK_IN_STOCK, Event, Properties
from ebbtide.domain.outcome import DECISION_OUTCOME
from ebbtide.errors import StoreError
from features import profile
from features.catalog import NAMES, SIGNALS, VERSION
from features.signals.engagement import CHANNELS
from features.signals.testing import order

DAY = 86_400.0
KINDS = {name for signal in SIGNALS.values() for name in signal.EVENTS or ()}
products = st.dictionaries(st.sampled_from([f"p{n}" for n in range(60)]), st.integers(1, 5), max_size=8)
orders = st.builds(
    order,
    day=st.floats(18_300, 20_000, allow_nan=False),
    revenue=st.none() | st.floats(0, 1e4, allow_nan=False),
    products=products,
    name=st.sampled_from(["Order Completed", "Order Refunded", "Product Viewed"]),
)
histories = st.lists(orders, max_size=40)
daytimes = st.builds(lambda day, hour: day + hour / 24, st.integers(19_640, 19_999), st.integers(2, 21))
lately = st.lists(
    st.builds(
        order, day=daytimes, revenue=st.floats(0, 1e4), products=products, name=st.sampled_from(sorted(KINDS))
    ),
    max_size=25,
)


def after(events):
    state = profile.new_state()
    for event in events:
        profile.update(state, event)
    return state


def same(left, right):
    return all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(left, right, strict=True))


@given(histories)
def test_a_state_read_back_gives_the_same_values(events):
    state = after(events)
    read = profile.decode(profile.encode(state))
    assert same(profile.vector(read, 20_001 * DAY), profile.vector(state, 20_001 * DAY))
    assert profile.encode(read) == profile.encode(state)


@given(orders)
def test_one_event_makes_a_valid_vector(event):
    values = profile.vector(after([event]), event.at + DAY)
    assert len(values) == len(NAMES)
    assert not any(math.isinf(value) for value in values)
    assert profile.named(values)["tenure_days"] == pytest.approx(1.0)


def test_what_was_never_seen_is_missing_and_not_zero():
    values = profile.named(profile.vector(profile.new_state(), DAY))
    for name in (
        "recency_days",
        "gap_mean_days",
        "order_value_mean",
        "basket_lines_mean",
        "refund_share",
        "tenure_days",
    ):
        assert math.isnan(values[name]), name


def test_silence_raises_recency_without_any_event():
    state = after([order(day=19_000), order(day=19_010)])
    early, late = (profile.named(profile.vector(state, day * DAY)) for day in (19_011, 19_041))
    assert late["recency_days"] - early["recency_days"] == pytest.approx(30.0)
    assert late["overdue_ratio"] == pytest.approx(3.1)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_the_state_is_bounded_however_long_the_history(seed):
    events = [
        order(day=18_300 + n / 3, revenue=float(seed + n), products={f"p{(seed + 7 * n) % 5000}": 1})
        for n in range(1200)
    ]
    assert len(profile.encode(after(events))) < 16 * 1024


def test_an_event_that_no_signal_asks_for_still_makes_the_customer_known():
    state = after([Event("m", "c", "Support Chat Opened", 19_000 * DAY, Properties())])
    assert profile.named(profile.vector(state, 19_001 * DAY))["tenure_days"] == 1.0
    assert state.last_at == 19_000 * DAY


@pytest.mark.parametrize("name", [BACK_IN_STOCK, DECISION_OUTCOME, "SMS Bounced"])
def test_what_the_house_did_is_nothing_that_the_customer_did(name):
    state = after([order(19_000, revenue=10.0)])
    before = profile.encode(state)
    profile.update(state, Event("m", "c", name, 19_100 * DAY, Properties(product_id="tea")))
    assert profile.encode(state) == before
    assert not profile.reached(name)


@pytest.mark.parametrize("name", [sent for sent, _, _ in CHANNELS.values() if sent != "Promotion Viewed"])
def test_a_message_received_counts_for_its_channel_and_breaks_no_silence(name):
    state = after([order(19_000), Event("m", "c", name, 19_100 * DAY)])
    values = profile.named(profile.vector(state, 19_101 * DAY))
    told = [values[name] for name in ("events_total", "active_days_total", "events_30d", "tenure_days")]
    assert told == [1.0, 1.0, 0.0, 101.0]
    assert sum(values[f"{channel}_sent"] for channel in CHANNELS) == 1.0
    assert (profile.heard_at(state), state.last_at) == (19_000 * DAY, 19_100 * DAY)


@given(histories)
def test_a_customer_was_last_heard_of_at_what_they_did_last(events):
    heard = profile.heard_at(after(events))
    assert heard == max((event.at for event in events), default=-math.inf)


def test_a_state_of_another_catalog_is_refused_with_both_versions():
    state = profile.new_state()
    state.catalog = "0-older"
    with pytest.raises(StoreError, match=f"expected catalog {VERSION}, found 0-older"):
        profile.decode(profile.encode(state))


def test_bytes_that_are_no_state_are_refused():
    with pytest.raises(StoreError, match="state of a customer"):
        profile.decode(msgspec.msgpack.encode({"a": 1}))


def test_the_repertoire_is_heaviest_first():
    state = after([order(day=19_000, products={"a": 1, "b": 1}), order(day=19_001, products={"b": 1})])
    assert [product for product, _, _ in profile.repertoire(state, 19_002 * DAY)] == ["b", "a"]


def test_a_signal_that_no_event_has_reached_costs_one_byte():
    state = after([Event("m", "c", "Support Chat Opened", 19_000 * DAY, Properties())])
    reached = [name for name, own in zip(SIGNALS, state.signals, strict=True) if own is not None]
    assert reached == [name for name, signal in SIGNALS.items() if signal.EVENTS is None]
    assert len(profile.encode(profile.new_state())) < 50 + len(SIGNALS)


def test_a_signal_that_no_event_has_reached_says_what_its_empty_state_says():
    vector = profile.vector(profile.new_state(), 20_000 * DAY)
    empty = [value for signal in SIGNALS.values() for value in signal.value(signal.State(), 20_000 * DAY)]
    assert same(vector, empty)


@settings(max_examples=25)
@given(lately, lately)
def test_two_customers_who_are_one_have_one_history(mine, its):
    days = {event.at // DAY for event in mine}
    its = [event for event in its if event.at // DAY not in days]
    mine, its = (sorted(each, key=lambda event: event.at) for each in (mine, its))
    state, other = after(mine), after(its)
    state.logged, before = (5, 1), profile.encode(other)
    profile.merge(state, other)
    whole = after(sorted(mine + its, key=lambda event: event.at))
    for now in (20_001 * DAY, 20_050 * DAY):
        left, right = profile.vector(state, now), profile.vector(whole, now)
        assert left == pytest.approx(right, rel=1e-9, abs=1e-9, nan_ok=True)
    assert state.last_at == whole.last_at
    assert state.logged == (5, 1)
    assert profile.encode(other) == before


def test_a_state_taken_up_is_not_shared():
    state, other = profile.new_state(), after([order(day=19_000, revenue=5.0, products={"a": 1})])
    profile.merge(state, other)
    before = profile.encode(other)
    profile.update(state, order(day=19_001, revenue=7.0, products={"b": 1}))
    assert profile.encode(other) == before


@given(st.lists(histories, max_size=4))
def test_many_vectors_are_those_of_each(found):
    states = [after(events) for events in found]
    each = [profile.vector(state, 20_001 * DAY) for state in states]
    assert all(
        same(left, right) for left, right in zip(profile.vectors(states, 20_001 * DAY), each, strict=True)
    )
