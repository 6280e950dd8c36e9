"""What is rebuilt from an archive is what the stream held at the moment."""

import math
import threading
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ebbtide.domain.event import BACK_IN_STOCK, Event, Properties
from ebbtide.domain.outcome import DECISION_OUTCOME
from ebbtide.logs.archive import LiveArchive, parts
from ebbtide.logs.events import RedisEventLog
from ebbtide.logs.rejected import RejectedLog
from features import rebuild
from features.profile import decode, new_state, update, vector
from features.rebuild import Span, rows, survey
from features.signals.testing import order
from features.store.online import OnlineStore
from streaming.flow import build, run
from streaming.sinks import FeatureSink
from streaming.sources import ImportSource, LogSource
from streaming.updater import Updater
from tests.archive import call, write

DAY = 86_400.0
FIRST = 20_000
NAMES = ("Order Completed", "Product Viewed", "Email Opened", "Order Refunded")


def rebuilt(home, moments):
    """By moment, the newest state of each customer."""
    found = parts(home / "events")
    seen = defaultdict(dict)
    for row in rows(found, survey(found), moments, home):
        seen[row.moment][row.customer] = row
    known, stood = {}, {}
    for moment in moments:
        known |= {name: decode(row.state) for name, row in seen[moment].items()}
        stood[moment] = dict(known)
    return stood


def test_a_state_knows_all_up_to_its_moment_and_nothing_later(tmp_path):
    write(tmp_path, [order(FIRST + day, revenue=10.0) for day in (0, 1, 1.5, 2)])
    moments = [(FIRST + day) * DAY for day in (-1, 1, 1.7)]
    stood = rebuilt(tmp_path, moments)
    assert [state["c"].last_at / DAY - FIRST for state in list(stood.values())[1:]] == [1, 1.5]
    assert stood[moments[0]] == {}


def test_who_did_nothing_has_no_new_row(tmp_path):
    write(tmp_path, [order(FIRST), order(FIRST + 1, customer="d")])
    found = parts(tmp_path / "events")
    moments = [(FIRST + day) * DAY for day in (0.5, 1.5, 2.5)]
    told = [(row.customer, row.moment) for row in rows(found, survey(found), moments, tmp_path)]
    assert sorted(told) == [("c", moments[0]), ("d", moments[1])]


@pytest.mark.parametrize("name", [BACK_IN_STOCK, DECISION_OUTCOME, "Email Bounced"])
def test_what_the_house_did_is_nothing_that_the_customer_did(tmp_path, name):
    told = Event("m", "c", name, (FIRST + 1) * DAY, Properties(product_id="tea"))
    unknown = Event("n", "d", name, (FIRST + 1) * DAY, Properties(product_id="tea"))
    write(tmp_path, [order(FIRST), told, unknown])
    stood = rebuilt(tmp_path, [(FIRST + 2) * DAY])
    assert {name: state.last_at for name, state in stood[(FIRST + 2) * DAY].items()} == {"c": FIRST * DAY}


def test_the_span_is_that_of_all_usable_events(tmp_path):
    assert survey(parts(tmp_path / "events")) is None
    write(tmp_path, [order(FIRST + 3), order(FIRST + 1)])
    LiveArchive(tmp_path / "events").append([call(order(FIRST + 2)), b'{"cut'], 0.0)
    found = survey(parts(tmp_path / "events"))
    assert found.span == Span(3, (FIRST + 1) * DAY, (FIRST + 3) * DAY)


def test_ids_that_are_linked_share_a_group_over_any_number_of_links(tmp_path):
    pairs = [("c", "b"), ("e", "d"), ("d", "b"), ("x", "y"), ("u", "null")]
    write(tmp_path, [Event(f"{a}{b}", a, "identify", FIRST * DAY, also=b) for a, b in pairs])
    groups = survey(parts(tmp_path / "events")).groups
    assert len({groups[each] for each in "bcde"}) == 1
    assert groups["x"] == groups["y"] != groups["b"]
    assert "u" not in groups


people = st.integers(0, 3)
happenings = st.lists(
    st.tuples(
        people,
        st.sampled_from(["known", "device", "link"]),
        st.sampled_from(NAMES),
        st.integers(0, 40 * 24),  # hours
        st.integers(0, 30),  # hours by which it is late
    ),
    min_size=1,
    max_size=40,
)


def told(drawn):
    """Events in the order in which they arrive: each person has an id, and a device that is linked to it."""
    found = []
    for number, (who, how, name, hour, late) in enumerate(drawn):
        at = FIRST * DAY + hour * 3600.0 + number  # no two at one time
        customer = f"device-{who}" if how == "device" else f"c{who}"
        also = f"device-{who}" if how == "link" else None
        properties = Properties(revenue=float(number), product_id=f"p{number % 3}")
        event = Event(f"m{number}", customer, "identify" if also else name, at, properties, also=also)
        found.append((hour + late, number, event))
    return [event for *_, event in sorted(found, key=lambda each: each[:2])]


@pytest.mark.parametrize("of_a_share", [1000, 9])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=happenings, moment=st.integers(0, 42 * 24))
def test_the_states_are_those_that_the_flow_held_at_the_moment(
    redis, tmp_path_factory, monkeypatch, of_a_share, drawn, moment
):
    """Live: late, out of order, twice, and with ids that are merged."""
    home, now = tmp_path_factory.mktemp("home"), FIRST * DAY + moment * 3600.0
    redis.flushall()
    log = RedisEventLog(redis, partitions=3)
    updater = Updater(OnlineStore(redis))
    sink = FeatureSink(redis, RejectedLog(home), lambda: 0.0, log=log, archive=LiveArchive(home / "events"))
    for event in told(drawn):
        if event.at <= now:
            log.append([(event.customer, event.id, call(event))] * 2)
            while log.length():
                run(build(LogSource(log, redis, threading.Event(), once=True), sink, updater))
    monkeypatch.setattr(rebuild, "EVENTS", of_a_share)
    assert_same(redis, home, now)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=happenings, moment=st.integers(0, 42 * 24))
def test_the_states_are_those_that_an_import_makes_of_all_up_to_the_moment(
    redis, tmp_path_factory, drawn, moment
):
    home, now = tmp_path_factory.mktemp("home"), FIRST * DAY + moment * 3600.0
    redis.flushall()
    events = sorted(told(drawn), key=lambda event: event.at)
    write(home, events)
    lines = [call(event) for event in events if event.at <= now]
    sink = FeatureSink(redis, RejectedLog(home), lambda: 0.0)
    run(build(ImportSource(1, lines, 7), sink, Updater(OnlineStore(redis))))
    assert_same(redis, home, now)


def assert_same(redis, home, now):
    store = OnlineStore(redis)
    names = [name for chunk in store.customers() for name in chunk]
    online = dict(zip(names, store.read_many(names), strict=True))
    stood = rebuilt(home, [now - 3 * DAY, now])[now] if names else {}
    assert stood.keys() == online.keys()
    for name, state in online.items():
        assert stood[name].merged_into == state.merged_into
        if not state.merged_into:
            pairs = zip(vector(stood[name], now), vector(state, now), strict=True)
            assert all(close(*pair) for pair in pairs), name


def close(one, other):
    return (math.isnan(one) and math.isnan(other)) or math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)


def test_an_event_that_stands_in_the_archive_twice_counts_once(tmp_path):
    events = [order(FIRST, revenue=1.0), order(FIRST + 1, revenue=2.0)]
    write(tmp_path, events)
    LiveArchive(tmp_path / "events").append([call(event) for event in events], 0.0)
    state = new_state()
    for event in events:
        update(state, event)
    [found] = rebuilt(tmp_path, [(FIRST + 2) * DAY]).values()
    assert vector(found["c"], FIRST * DAY) == pytest.approx(vector(state, FIRST * DAY), nan_ok=True)
