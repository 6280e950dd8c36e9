"""Who may get an action now: each rule in words, whatever else is known."""

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.action import NOTHING
from ebbtide.domain.contact import Reach
from ebbtide.domain.customer import Stage
from models.actions.actions import parse
from models.actions.eligibility import judged
from models.expressions import Facts

POLICY = parse(
    b"""
contact:
  time_zone: Europe/London
  quiet_hours: {from: "21:00", to: "08:00"}
actions:
  - {id: mail, channel: email, message: Hi, response: 0.1, value: 10}
  - {id: staged, channel: web, message: Hi, response: 0.1, value: 10, stages: [dormant, slipping]}
  - {id: loyal, channel: web, message: Hi, response: 0.1, value: 10, when: profile.orders_total > 3}
  - {id: xmas, channel: web, message: Hi, response: 0.1, value: 10,
     valid: {from: 2026-12-01, until: 2026-12-24}}
  - {id: nudge, channel: sms, message: Hi, response: 0.1, value: 10}
  - {id: receipt, channel: sms, message: Hi, response: 0.1, value: 10, purpose: transactional}
  - {id: patient, channel: email, message: Hi, response: 0.1, value: 10, send: best_hour}
  - {id: second, channel: web, message: Hi, response: 0.1, value: 10, after: [mail, staged]}
decision_points:
  home: {channels: [web]}
""",
    "test.yaml",
)
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC).timestamp()


def rules(*, stage="new", values=None, now=NOON, **options):
    facts = Facts(values or {}, stage=stage)
    return {action.id: rule for action, rule in judged(POLICY, facts, stage=stage, now=now, **options)}


def test_each_rule_is_told_in_words():
    assert rules() == {
        "none": None,
        "mail": None,
        "staged": "stage: for slipping, dormant",
        "loyal": "when: profile.orders_total > 3",
        "xmas": "valid: from 2026-12-01",
        "nudge": "consent: sms needs opt-in for marketing",
        "receipt": None,
        "patient": None,
        "second": "after: mail, staged",
    }


def test_who_fits_is_allowed():
    found = rules(
        stage=Stage.DORMANT,
        values={"orders_total": 4.0},
        now=datetime(2026, 12, 24, 20, tzinfo=UTC).timestamp(),
        reach=Reach({"sms:marketing": (1.0, True)}),
        taken={"mail": 1.0, "staged": 2.0},
    )
    assert set(found.values()) == {None}


def test_the_last_day_belongs_to_the_time_and_the_next_does_not():
    end = datetime(2026, 12, 25, 9, tzinfo=UTC).timestamp()
    assert rules(now=end)["xmas"] == "valid: until 2026-12-25"


def test_a_decision_point_has_its_channels():
    found = rules(decision_point="home")
    assert (found["mail"], found["none"]) == ("decision point: home has web", None)
    with pytest.raises(KeyError):
        rules(decision_point="nowhere")


def test_what_a_customer_refused_stays_refused_unless_it_is_transactional():
    found = rules(reach=Reach({"*:*": (5.0, False)}))
    assert found["mail"] == "consent: refused email for marketing"
    assert found["nudge"] == "consent: refused sms for marketing"
    assert found["receipt"] is None


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        (None, "quiet hours: 21:00 to 08:00 in Europe/London"),
        ("America/New_York", None),
        ("Mars/Olympus", "quiet hours: 21:00 to 08:00 in Europe/London"),
        ("../etc/passwd", "quiet hours: 21:00 to 08:00 in Europe/London"),
        ("", "quiet hours: 21:00 to 08:00 in Europe/London"),
    ],
)
def test_quiet_hours_follow_the_customers_clock_if_it_is_known(zone, told):
    evening = datetime(2026, 7, 1, 20, 30, tzinfo=UTC).timestamp()  # 21:30 in London, 16:30 in New York
    found = rules(now=evening, reach=Reach(time_zone=zone))
    assert found["mail"] == told
    assert found["receipt"] == told
    assert found["loyal"] == "when: profile.orders_total > 3"


@pytest.mark.parametrize("day", ["2026-03-28", "2026-03-29", "2026-10-24", "2026-10-25"])
def test_quiet_hours_are_those_of_the_clock_on_the_wall_when_it_changes(day):
    london = ZoneInfo("Europe/London")
    for clock, quiet in (
        ("07:59", True),
        ("08:00", False),
        ("20:59", False),
        ("21:00", True),
        ("03:00", True),
    ):
        now = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=london).timestamp()
        assert (rules(now=now)["mail"] is not None) == quiet, clock


@given(
    st.sampled_from(Stage),
    st.floats(0, 4e9),
    st.dictionaries(st.just("orders_total"), st.floats(), max_size=1),
    st.none() | st.sampled_from(["Asia/Tokyo", "nowhere", "\x00", "a" * 300]),
)
def test_doing_nothing_is_always_allowed_and_all_actions_are_answered(stage, now, values, zone):
    facts = Facts(values, stage=stage, churn=math.nan)
    found = judged(POLICY, facts, stage=stage, now=now, reach=Reach(time_zone=zone))
    assert [action for action, _ in found] == list(POLICY.actions)
    assert found[0] == (NOTHING, None)
