from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ebbtide.domain.alert import Alert, ClearedBy, Status
from ebbtide.domain.customer import Stage
from ebbtide.domain.decision import Reason
from ebbtide.domain.ingest import iso
from ebbtide.errors import StoreError
from ebbtide.logs.alerts import BODIES, LAST, AlertLog, Last, Place


def alert(id_, customer="c", value=10.0, at=0.0):
    return Alert(
        alert_id=id_,
        customer_id=customer,
        status=Status.OPEN,
        stage=Stage.SLIPPING,
        raised_at=iso(at),
        closes_at=iso(at + 1e6),
        probability=0.8,
        horizon=60,
        value_at_risk=value,
        reasons=(Reason("recency_days", 31.0, 1.2, "last order 31 days ago", "an order today", -0.5),),
        changed=None,
        model="1",
    )


@pytest.fixture
def log(redis):
    return AlertLog(redis)


def ids(log, status=Status.OPEN, **options):
    return [one.alert_id for _, one in log.walk(status, **options)]


def test_open_alerts_come_by_value_at_risk(log):
    for n, value in enumerate((5.0, 50.0, 20.0)):
        assert log.put(alert(f"a{n}", f"c{n}", value), 0.0, None)
    assert ids(log) == ["a1", "a2", "a0"]
    assert ids(log, least=20.0) == ["a1", "a2"]


def test_an_alert_comes_back_as_it_was(log):
    log.put(alert("a"), 7.0, None)
    assert log.get("a") == alert("a")
    assert log.get("b") is None
    assert log.last(["c", "d"]) == [Last("a", 7.0), None]


def test_of_two_who_saw_the_same_one_raises(log):
    assert log.put(alert("a"), 1.0, None)
    assert not log.put(alert("b"), 1.0, None)
    assert ids(log) == ["a"]
    assert len(log.follow("0-0", wait=0.01)) == 1


def test_of_two_who_saw_the_same_one_clears(log):
    log.put(alert("a"), 1.0, None)
    [last] = log.last(["c"])
    assert log.clear(last, ClearedBy.ORDER, 9.0)
    assert not log.clear(last, ClearedBy.ORDER, 9.0)
    cleared = log.get("a")
    assert (cleared.status, cleared.cleared_at, cleared.cleared_by) == (
        Status.CLEARED,
        iso(9.0),
        ClearedBy.ORDER,
    )
    assert (ids(log), ids(log, Status.CLEARED)) == ([], ["a"])
    assert log.last(["c"]) == [Last("a", 1.0, 9.0)]
    assert [one.status for _, one in log.follow("0-0", wait=0.01)] == [Status.OPEN, Status.CLEARED]


def test_after_one_was_cleared_the_next_needs_to_know_of_it(log):
    log.put(alert("a"), 1.0, None)
    log.clear(Last("a", 1.0), ClearedBy.ORDER, 9.0)
    assert not log.put(alert("b"), 20.0, None)
    assert log.put(alert("b"), 20.0, Last("a", 1.0, 9.0))
    assert log.count(Status.OPEN) == log.count(Status.CLEARED) == 1


def test_beyond_the_bound_the_least_valuable_open_and_the_oldest_cleared_are_let_go(redis):
    log = AlertLog(redis, most_open=3, most_cleared=2)
    for n in range(5):
        log.put(alert(f"a{n}", f"c{n}", float(n)), 0.0, None)
    assert ids(log) == ["a4", "a3", "a2"]
    for n in (2, 3, 4):
        log.clear(Last(f"a{n}", 0.0), ClearedBy.ORDER, float(n))
    assert ids(log, Status.CLEARED) == ["a4", "a3"]
    assert redis.hlen(BODIES) == redis.hlen(LAST) == 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.integers(1, 7))
def test_pages_together_are_the_whole_however_many_are_worth_the_same(redis, values, size):
    redis.flushall()
    log = AlertLog(redis)
    for n, value in enumerate(values):
        log.put(alert(f"a{n:02}", f"c{n}", float(value)), 0.0, None)
    whole, after, found = ids(log), None, []
    while page := list(islice(log.walk(Status.OPEN, after), size)):
        after = page[-1][0]
        found += [one.alert_id for _, one in page]
    assert found == whole
    assert sorted(whole) == [f"a{n:02}" for n in range(len(values))]


def test_more_of_one_value_than_are_read_at_once_are_all_found(log):
    for n in range(450):
        log.put(alert(f"a{n:03}", f"c{n}", 1.0), 0.0, None)
    assert ids(log) == [f"a{n:03}" for n in reversed(range(450))]
    assert ids(log, after=Place(1.0, "a003")) == ["a002", "a001", "a000"]


def test_a_follower_hears_what_comes_after_the_newest(log):
    log.put(alert("a"), 0.0, None)
    after = log.newest()
    assert log.follow(after, wait=0.01) == []
    log.put(alert("b", "d"), 0.0, None)
    [(place, heard)] = log.follow(after, wait=0.01)
    assert heard.alert_id == "b"
    assert log.follow(place, wait=0.01) == []


def test_what_is_no_alert_is_said_to_be_none(log, redis):
    log.put(alert("a"), 0.0, None)
    redis.hset(BODIES, "a", b"{}")
    with pytest.raises(StoreError, match="expected an alert"):
        log.get("a")
