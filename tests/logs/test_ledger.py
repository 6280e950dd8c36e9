"""What was decided is entered together: the place under the caps, and the receipt."""

import pytest
from redis import Redis

from ebbtide.domain.action import Action
from ebbtide.domain.contact import Cap
from ebbtide.lines import finished
from ebbtide.logs.contacts import Contacts, Reservation
from ebbtide.logs.decisions import DecisionLog
from ebbtide.logs.ledger import Entry, Ledger
from ebbtide.logs.receipts import written
from tests.logs.test_decisions import receipt

SMS = Action(id="nudge", channel="sms", message="Hi")
ONE = Cap("channel", 1, 7.0)


@pytest.fixture
def ledger(redis: Redis) -> Ledger:
    return Ledger(Contacts(redis), DecisionLog(redis), [ONE])


def entry(number: int, customer: str = "c", **changes: object) -> Entry:
    made = Entry(Reservation(customer, f"d{number}", SMS, 0.0), written(receipt(f"d{number}")))
    return made._replace(**changes)


def enter(ledger: Ledger, *entries: Entry) -> list[Cap | None]:
    return finished(ledger.enter(lambda: [entries]))


def ids(redis: Redis) -> list[str]:
    return [one.decision.decision_id for one in DecisionLog(redis).newest()]


def test_a_place_is_reserved_and_the_receipt_logged(ledger: Ledger, redis: Redis):
    assert enter(ledger, entry(1), entry(2, "another")) == [None, None]
    assert ids(redis) == ["d2", "d1"]
    assert [len(found.contacts) for found in Contacts(redis).read(["c", "another"])] == [1, 1]


def test_the_cap_that_is_full_is_told_of_the_one_who_comes_too_late(ledger: Ledger):
    assert enter(ledger, entry(1), entry(2), entry(3, "another")) == [None, ONE, None]


def test_what_is_not_asked_is_not_entered(ledger: Ledger, redis: Redis):
    assert enter(ledger, entry(1, place=None), entry(2, receipt=None), Entry(None, None)) == [None] * 3
    assert ids(redis) == ["d1"]
    [known] = Contacts(redis).read(["c"])
    assert [contact.decision for contact in known.contacts] == ["d2"]
    assert enter(ledger, Entry(None, None)) == [None]


def test_a_receipt_entered_again_takes_the_place_of_the_first(ledger: Ledger, redis: Redis):
    enter(ledger, entry(1))
    other = receipt("d1").decision
    changed = written(receipt("d1").__class__(other, "home_page", {}, {}))
    enter(ledger, entry(1, receipt=changed, again=True))
    assert [one.decision_point for one in DecisionLog(redis).newest()] == ["home_page"]


def test_it_is_entered_though_redis_has_forgotten_the_script(ledger: Ledger, redis: Redis):
    redis.script_flush()
    assert enter(ledger, entry(1)) == [None]
    assert DecisionLog(redis).get("d1") is not None


def test_parts_are_entered_as_one(ledger: Ledger, redis: Redis):
    parts = [[entry(1)], [], [entry(2, "another"), entry(3)], [entry(4, place=None)]]
    assert finished(ledger.enter(lambda: parts)) == [None, None, ONE, None]
    assert ids(redis) == ["d4", "d3", "d2", "d1"]


def test_all_are_entered_though_redis_closes_the_connection_before_it_answers(ledger: Ledger, redis: Redis):
    assert enter(ledger, entry(1)) == [None]
    steps = ledger.enter(lambda: [[entry(2)], [entry(3, "another")]])
    redis.client_kill_filter(_type="normal", skipme=False)
    assert finished(steps) == [ONE, None]
    assert DecisionLog(redis).get_many(["d2", "d3"]) == [receipt("d2"), receipt("d3")]


def test_all_are_entered_though_redis_closes_the_connection_once_it_was_asked(ledger: Ledger, redis: Redis):
    steps = ledger.enter(lambda: [[entry(1)], [entry(2)]])
    next(steps)
    redis.client_kill_filter(_type="normal", skipme=False)
    assert finished(steps) == [None, ONE]
    assert DecisionLog(redis).get_many(["d1", "d2"]) == [receipt("d1"), receipt("d2")]
