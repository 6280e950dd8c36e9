"""A message that may wait is sent in the hour in which its customer answers most."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ebbtide.domain.action import Action
from ebbtide.domain.contact import DAY, ContactPolicy, QuietHours, Reach
from ebbtide.errors import ConfigError
from models.actions.actions import parse
from models.actions.eligibility import judged
from models.actions.sending import next_hour, sent_at
from models.expressions import Facts

WAITS = Action(id="letter", channel="email", message="Hi", send="best_hour")
QUIET = ContactPolicy("UTC", QuietHours(21 * 60, 8 * 60, frozenset({"email"})))
MONDAY_NOON = datetime(2026, 7, 6, 12, tzinfo=UTC).timestamp()
TUESDAY_SIX_PM = 24.0 + 18.0


def wall(moment):
    return datetime.fromtimestamp(moment, UTC).strftime("%a %H:%M")


def test_it_waits_for_the_hour_of_the_day_and_not_for_the_day():
    found = sent_at(WAITS, ContactPolicy(), Reach(), TUESDAY_SIX_PM, MONDAY_NOON)
    assert wall(found) == "Mon 18:00"
    assert wall(sent_at(WAITS, ContactPolicy(), Reach(), TUESDAY_SIX_PM, found + 3_600)) == "Tue 18:00"


def test_within_the_hour_it_is_sent_at_once():
    within = MONDAY_NOON + 6.9 * 3_600
    assert sent_at(WAITS, ContactPolicy(), Reach(), TUESDAY_SIX_PM, within) == within


@pytest.mark.parametrize(
    ("action", "contact", "reach", "hour"),
    [
        (replace(WAITS, send="now"), ContactPolicy(), Reach(), 18.0),
        (WAITS, ContactPolicy(), Reach(), math.nan),
        (WAITS, QUIET, Reach(), 22.0),
        (WAITS, QUIET, Reach(time_zone="Asia/Tokyo"), 18.0),
        (replace(WAITS, valid_until=MONDAY_NOON + 5 * 3_600), ContactPolicy(), Reach(), 18.0),
    ],
    ids=["not asked for", "not known", "quiet", "quiet where the customer is", "too late"],
)
def test_else_it_is_sent_at_once(action, contact, reach, hour):
    assert sent_at(action, contact, reach, hour, MONDAY_NOON) == MONDAY_NOON


@given(st.floats(0.0, 4e9), st.integers(0, 167))
def test_it_waits_less_than_a_day(now, hour):
    found = next_hour(float(hour), now)
    assert now <= found < now + DAY
    assert int(found // 3_600) % 24 == hour % 24


POLICY = parse(
    b"""
contact: {quiet_hours: {from: "21:00", to: "08:00"}}
actions:
  - {id: at_once, channel: email, message: Hi, response: 0.1, value: 10}
  - {id: waits, channel: email, message: Hi, response: 0.1, value: 10, send: best_hour}
""",
    "test.yaml",
)


def test_at_night_what_waits_for_the_day_may_be_decided_on():
    night = MONDAY_NOON + 11 * 3_600
    for hour, waits in ((9.0, None), (22.0, "quiet hours: 21:00 to 08:00 in UTC"), (math.nan, "quiet hours")):
        found = judged(POLICY, Facts({}, stage="new"), stage="new", now=night, best_hour=hour)
        rules = {action.id: rule for action, rule in found}
        assert rules["at_once"] == "quiet hours: 21:00 to 08:00 in UTC"
        assert (rules["waits"] or "").startswith(waits or "")
        assert (rules["waits"] is None) == (waits is None)


def test_where_customers_come_by_themselves_nothing_waits():
    text = POLICY.text.replace("channel: email", "channel: web")
    with pytest.raises(ConfigError, match=r"entry 2 \(waits\).*expected `send: now` on web"):
        parse(text.encode(), "test.yaml")
