"""Contacts are reserved within all caps, whoever asks at the same time, and released when delivery fails."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ebbtide.domain.action import Action
from ebbtide.domain.contact import DAY, Cap
from ebbtide.logs.contacts import AHEAD, KEPT_DAYS, SKEW, Contacts, Reservation, full, key

EMAIL = Action(id="offer", channel="email", message="Hi")
OTHER = Action(id="news", channel="email", message="Hi")
SMS = Action(id="nudge", channel="sms", message="Hi")
WEB = Action(id="banner", channel="web", message="Hi")
ALL = Cap("all", 5, 7.0, frozenset({"email", "sms"}))
ONE_SMS = Cap("channel", 1, 7.0, frozenset({"sms"}))
EACH_CHANNEL = Cap("channel", 3, 2.0)
EACH_ACTION = Cap("action", 2, 14.0)
CAPS = (ALL, ONE_SMS, EACH_CHANNEL, EACH_ACTION)


@pytest.fixture
def contacts(redis):
    return Contacts(redis)


def test_a_cap_holds_in_a_window_that_rolls(contacts):
    cap = Cap("channel", 2, 7.0, frozenset({"email"}))
    assert contacts.reserve("c", "1", EMAIL, [cap], 0.0) is None
    assert contacts.reserve("c", "2", OTHER, [cap], 3 * DAY) is None
    assert contacts.reserve("c", "3", EMAIL, [cap], 7 * DAY - 1) == cap
    assert contacts.reserve("c", "4", SMS, [cap], 7 * DAY - 1) is None
    assert contacts.reserve("d", "5", EMAIL, [cap], 7 * DAY - 1) is None
    assert contacts.reserve("c", "6", EMAIL, [cap], 7 * DAY) is None
    assert contacts.reserve("c", "7", EMAIL, [cap], 7 * DAY) == cap


def test_each_kind_of_cap_counts_what_it_says(contacts):
    assert contacts.reserve("c", "1", SMS, CAPS, 0.0) is None
    assert contacts.reserve("c", "2", SMS, CAPS, 5 * DAY) == ONE_SMS
    assert [contacts.reserve("c", f"e{n}", EMAIL, CAPS, 0.0) for n in range(3)] == [None, None, EACH_ACTION]
    assert contacts.reserve("c", "3", OTHER, CAPS, 1.0) is None
    assert contacts.reserve("c", "4", OTHER, CAPS, 2.0) == EACH_CHANNEL
    assert contacts.reserve("c", "5", OTHER, CAPS, 3 * DAY) is None
    third = Action(id="third", channel="email", message="Hi")
    assert contacts.reserve("c", "6", third, CAPS, 3 * DAY) == ALL
    assert contacts.reserve("c", "7", WEB, CAPS, 3 * DAY) is None


def test_the_same_decision_again_takes_no_second_place(contacts):
    cap = Cap("action", 1, 7.0)
    assert contacts.reserve("c", "1", EMAIL, [cap], 0.0) is None
    assert contacts.reserve("c", "1", EMAIL, [cap], 5.0) is None
    assert len(contacts.read(["c"])[0].contacts) == 1


def test_a_released_place_is_free_again_and_the_action_was_not_taken(contacts):
    cap = Cap("action", 1, 1.0)
    contacts.reserve("c", "1", EMAIL, [cap], 0.0)
    contacts.reserve("c", "2", EMAIL, [cap], 1.5 * DAY)
    assert contacts.read(["c"])[0].taken == {"offer": 1.5 * DAY}
    assert contacts.release("c", "2")
    assert not contacts.release("c", "2")
    assert contacts.read(["c"])[0].taken == {"offer": 0.0}
    assert contacts.reserve("c", "3", EMAIL, [cap], 1.6 * DAY) is None
    assert contacts.release("c", "1")
    assert contacts.release("c", "3")
    assert contacts.read(["c"])[0].taken == {}


def test_what_is_full_is_told_in_one_read_and_reserves_nothing(contacts):
    contacts.reserve("c", "1", SMS, CAPS, 0.0)
    assert contacts.full("c", [EMAIL, SMS, WEB], CAPS, 1.0) == {"nudge": ONE_SMS}
    assert contacts.full("c", [SMS], CAPS, 8 * DAY) == {}
    assert contacts.full("stranger", [EMAIL, SMS], CAPS, 1.0) == {}


def test_many_are_reserved_in_one_round_trip_one_after_the_other(contacts):
    places = [Reservation("c", f"{n}", SMS, 0.0) for n in range(3)] + [Reservation("d", "3", SMS, 0.0)]
    assert contacts.reserve_many(places, CAPS) == [None, ONE_SMS, ONE_SMS, None]
    assert [len(each.contacts) for each in contacts.read(["c", "d", "e"])] == [1, 1, 0]
    assert contacts.reserve_many([], CAPS) == []


def test_a_redis_that_forgot_the_script_is_told_it_again(redis, contacts):
    assert contacts.reserve("c", "1", SMS, CAPS, 0.0) is None
    redis.script_flush()
    assert contacts.reserve_many([Reservation("c", "2", SMS, 0.0)], CAPS) == [ONE_SMS]


def test_a_message_that_waits_counts_from_when_it_is_sent(contacts):
    cap = Cap("channel", 1, 7.0, frozenset({"email"}))
    assert contacts.reserve("c", "1", EMAIL, [cap], 0.0) is None
    assert contacts.reserve("c", "2", EMAIL, [cap], 7 * DAY - 1) == cap  # decided at the same time
    assert contacts.reserve("c", "3", EMAIL, [cap], 7 * DAY) is None  # as this one, that waits for an hour
    assert contacts.reserve("c", "4", EMAIL, [cap], 13.5 * DAY) == cap


def test_what_waits_forgets_nothing_that_others_still_count(contacts):
    cap = Cap("channel", 3, 7.0, frozenset({"email"}))
    now = 7 * DAY - 1
    for decision in ("1", "2"):
        assert contacts.reserve("c", decision, EMAIL, [cap], 0.0) is None
    assert contacts.reserve("c", "waits", WEB, [cap], now + AHEAD) is None
    behind = contacts.reserve("c", "3", EMAIL, [cap], now - SKEW)
    assert behind is None
    assert contacts.reserve("c", "4", EMAIL, [cap], now) == cap


def test_what_no_cap_looks_back_to_is_forgotten(redis, contacts):
    for day in range(100):
        contacts.reserve("c", f"{day}", EMAIL, [Cap("channel", 3, 2.0)], day * DAY)
        contacts.reserve("c", f"b{day}", WEB, [Cap("channel", 3, 2.0, frozenset({"email"}))], day * DAY)
    known = contacts.read(["c"])[0]
    assert len(known.contacts) <= 5
    assert known.taken == {"offer": 99 * DAY, "banner": 99 * DAY}
    assert redis.ttl(key("c")) == KEPT_DAYS * DAY


@pytest.mark.parametrize(
    ("change", "hours"),
    [("2026-03-28T12:00", 23), ("2026-10-24T12:00", 25)],
    ids=["to daylight-saving time", "back"],
)
def test_of_64_deciders_none_gets_a_place_too_many_though_clocks_change(redis, change, hours):
    contacts = Contacts(redis)
    caps = [Cap("channel", 3, 1.0, frozenset({"sms"})), Cap("all", 5, 2.0)]
    first = datetime.fromisoformat(change).replace(tzinfo=ZoneInfo("Europe/London")).timestamp()
    next_noon = first + hours * 3600.0

    def decide_64_times(now: float) -> int:
        def decide(number: int) -> bool:
            action = SMS if number % 2 else EMAIL
            return contacts.reserve("c", f"{now}-{number}", action, caps, now + number / 1e6) is None

        with ThreadPoolExecutor(64) as deciders:
            return sum(deciders.map(decide, range(64)))

    assert decide_64_times(first) == 5
    sms = sum(each.channel == "sms" for each in contacts.read(["c"])[0].contacts)
    assert sms <= 3
    assert decide_64_times(next_noon) == 0
    after_two_days = first + 2 * DAY + 1.0
    assert decide_64_times(after_two_days) == 5


MOVES = st.lists(
    st.tuples(
        st.sampled_from([EMAIL, OTHER, SMS, WEB]),
        st.floats(-(SKEW + AHEAD) / DAY, 3.0),  # days since the newest contact: clocks differ, messages wait
        st.booleans(),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MOVES, st.data())
def test_no_window_ever_holds_more_than_its_cap(redis, moves, data):
    redis.flushall()
    contacts = Contacts(redis)
    newest, kept = 1e9, {}
    for number, (action, days, release) in enumerate(moves):
        now = newest + days * DAY
        room = full(contacts.read(["c"])[0], [action], CAPS, now)
        refused = contacts.reserve("c", f"{number}", action, CAPS, now)
        assert room == ({} if refused is None else {action.id: refused})
        if refused is None:
            kept[f"{number}"] = (now, action)
            newest = max(newest, now)
        if release and kept:
            gone = data.draw(st.sampled_from(sorted(kept)))
            contacts.release("c", gone)
            del kept[gone]
    for cap in CAPS:
        names = {"all": cap.names, "channel": {"email", "sms", "web"}, "action": {"offer", "news", "nudge"}}
        for name in [None] if cap.per == "all" else names[cap.per] & (cap.names or names[cap.per]):
            own = names["all"] if cap.per == "all" else {name}
            times = sorted(
                at for at, a in kept.values() if (a.id if cap.per == "action" else a.channel) in own
            )
            for start in times:  # a window that holds most begins at a contact
                assert sum(start <= at < start + cap.days * DAY - 1e-3 for at in times) <= cap.most
