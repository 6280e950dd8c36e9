"""The policy is read from one file and checked whole: all faults together, each with its place."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.contact import DAY, Cap
from ebbtide.domain.customer import Stage
from ebbtide.errors import ConfigError
from models.actions.actions import ActionCatalogue, load, parse
from models.actions.exploration import ALWAYS_BEST
from models.expressions import Facts
from models.recommendations.offering import Terms

GOOD = "actions:\n  - {id: a, channel: sms, stages: [new], message: Hi, response: 0.1, value: 10}\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


def test_the_shipped_policy_has_something_for_every_stage_that_needs_no_opt_in():
    policy = load()
    for stage in Stage:
        open_ = [
            one for one in policy.actions if stage in one.stages and one.channel not in policy.contact.opt_in
        ]
        assert len(open_) >= 2, stage


def test_the_terms_of_items_are_those_of_the_decision_point_else_those_of_all_else_those_that_ship(tmp_path):
    text = (
        GOOD
        + """
items: {again_after_days: 5, eligible: item.category != "alcohol" || context.age >= 18}
decision_points: {home: {}, shop: {items: {again_after_days: 0, category_share: 0.2, brand_share: 0.4}}}
"""
    )
    points = load(written(tmp_path, text)).decision_points
    eligible = points["default"].terms.eligible
    assert points["default"].terms == points["home"].terms == Terms(eligible, again_after=5.0)
    assert points["shop"].terms == Terms(eligible, 0.0, 0.2, 0.4)
    assert eligible.holds(Facts({}, stage="new", item={"category": "tea"}))
    assert load(written(tmp_path, GOOD)).decision_points["default"].terms == Terms()


def test_the_version_follows_the_content(tmp_path: Path):
    first = load(written(tmp_path, GOOD)).version
    assert load(written(tmp_path, GOOD)).version == first
    assert load(written(tmp_path, GOOD.replace("10", "11"))).version != first


def test_a_key_that_stands_twice_each_cycle_and_a_date_that_there_is_not_are_told_together(tmp_path: Path):
    path = written(
        tmp_path,
        """
actions:
  - {id: a, channel: web, message: Hi, response: 0.1, value: 1, value: 2, after: [b]}
  - {id: b, channel: web, message: Hi, response: 0.1, value: 1, after: [a]}
  - {id: c, channel: web, message: Hi, response: 0.1, value: 1, after: [c], valid: {from: 2026-13-01}}
""",
    )
    with pytest.raises(ConfigError) as caught:
        load(path)
    for part in (
        "`value`: expected once, found again in line 3",
        "`after`: expected no cycle, found a after b after a",
        "`after`: expected no cycle, found c after c",
        "entry 3 (c), `valid.from`: expected a date, such as 2026-12-01, found '2026-13-01'",
    ):
        assert part in str(caught.value)


def test_all_faults_are_reported_together(tmp_path: Path):
    path = written(
        tmp_path,
        """
actions:
  - {id: a, channel: fax, stages: [new], message: Hi, response: 1.5, value: 10}
  - {id: b, channel: sms, stages: [newish], message: Hi, response: 0.1, value: 10, colour: red}
  - {id: c, channel: sms, stages: [], response: .nan, value: ten}
  - just text
""",
    )
    with pytest.raises(ConfigError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    for part in (
        "entry 1 (a), `channel`",
        "'fax'",
        "entry 1 (a), `response`",
        "expected a number of at most 1, found 1.5",
        "entry 2 (b), `stages.1`",
        "'newish'",
        "entry 2 (b), `colour`",
        "entry 3 (c), `stages`",
        "entry 3 (c), `message`: expected a value, found none",
        "entry 3 (c), `response`",
        "entry 3 (c), `value`",
        "entry 4: expected keys with values, found 'just text'",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "under `actions`"),
        ("actions: []", "under `actions`"),
        ("[1, 2]", "under `actions`"),
        ("actions: {a", "expected YAML"),
        ("\x00", "expected YAML"),
        (GOOD + GOOD.partition("\n")[2], "found again: a"),
        (GOOD.replace("id: a", "id: none"), "always a candidate"),
    ],
)
def test_a_file_that_is_no_catalogue_is_one_clear_error(tmp_path: Path, text: str, part: str):
    with pytest.raises(ConfigError, match=part):
        load(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"absent\.yaml"):
        load(tmp_path / "absent.yaml")


def policy_of(folder: Path, text: str, entries: str = "") -> ActionCatalogue:
    return load(written(folder, f"{text}\n{GOOD}{entries}"))


def fault_of(folder: Path, text: str, entries: str = "") -> str:
    with pytest.raises(ConfigError) as caught:
        policy_of(folder, text, entries)
    return str(caught.value)


def entry(**fields: str) -> str:
    given = {"id": "b", "channel": "sms", "message": "Hi", "response": "0.1", "value": "10", **fields}
    return "  - {" + ", ".join(f"{name}: {value}" for name, value in given.items()) + "}\n"


def test_the_shipped_policy_says_how_contacts_are_limited():
    policy = load()
    assert (policy.holdout, policy.exploration) == (0.05, 100.0)
    assert policy.contact.opt_in == {"push", "sms", "call"}
    assert str(policy.contact.quiet_hours) == "21:00 to 08:00"
    assert policy.contact.longest == 14 * DAY
    assert Cap("channel", 1, 7.0, frozenset({"sms"})) in policy.contact.caps
    assert policy.decision_points["home_page"].limit == 3


def test_a_file_of_actions_alone_limits_nothing_but_asks_for_consent(tmp_path: Path):
    policy = policy_of(tmp_path, "")
    assert (policy.holdout, policy.exploration) == (0.0, ALWAYS_BEST)
    assert (policy.contact.caps, policy.contact.quiet_hours) == ((), None)
    assert policy.contact.opt_in == {"push", "sms", "call"}
    assert set(policy.decision_points) == {"default"}


def test_an_entry_may_say_when_until_and_after_what(tmp_path: Path):
    fields = {
        "when": "profile.orders_total > 3",
        "after": "[a]",
        "valid": "{from: 2026-12-01, until: 2026-12-24}",
    }
    policy = policy_of(tmp_path, "", entry(**fields, stages="[new]", purpose="service", window_days="14"))
    found = policy.actions[2]
    assert (found.when, found.after, found.purpose) == ("profile.orders_total > 3", {"a"}, "service")
    assert found.valid_from == datetime(2026, 12, 1, tzinfo=UTC).timestamp()
    assert found.valid_until == datetime(2026, 12, 25, tzinfo=UTC).timestamp()
    assert policy.conditions["b"].holds(Facts({"orders_total": 4.0}, stage="new"))


def test_times_may_be_written_with_and_without_quotes(tmp_path: Path):
    hours = "contact: {quiet_hours: {from: 21:30, to: '08:00'}}"
    assert str(policy_of(tmp_path, hours).contact.quiet_hours) == "21:30 to 08:00"
    exact = entry(valid="{from: 2026-12-01T12:00:00+01:00}")
    assert (
        policy_of(tmp_path, "", exact).actions[2].valid_from
        == datetime(2026, 12, 1, 11, tzinfo=UTC).timestamp()
    )


def test_an_opt_out_opens_a_channel(tmp_path: Path):
    policy = policy_of(tmp_path, "contact: {consent: {push: opt_out, email: opt_in}}")
    assert policy.contact.opt_in == {"email", "sms", "call"}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"when": "profile.nope > 1"}, "entry 2 (b), `when`: expected a signal, found profile.nope"),
        ({"when": "profile.orders_total >"}, "entry 2 (b), `when`: expected CEL, found"),
        ({"when": "true", "after": "[c]"}, "entry 2 (b), `after`: expected the id of an action, found 'c'"),
        ({"after": "[b]"}, "`after`: expected no cycle, found b after b"),
        (
            {"valid": "{from: 2026-12-24, until: 2026-12-01}"},
            "`from` before `until`, found {'from': '2026-12-24'",
        ),
        ({"valid": "{from: soon}"}, "`valid.from`: expected a date, such as 2026-12-01, found 'soon'"),
        ({"message": "'Hi {frist_name}'"}, "expected a slot (first_name, product, stage, profile.SIGNAL"),
        ({"message": "'Hi {first_name'"}, "found a brace that is none in 'Hi {first_name'"),
        ({"channel": "fax"}, "`channel`: expected 'email', 'push', 'sms', 'in_app', 'web' or 'call'"),
        ({"window_days": "0"}, "`window_days`: expected a number over 0, found 0"),
        ({"outcome": "joy"}, "`outcome`: expected 'click', 'conversion' or 'value', found 'joy'"),
        ({"colour": "red"}, "`colour`: expected no such field, found 'red'"),
    ],
)
def test_each_fault_of_an_entry_is_told_with_its_field(tmp_path: Path, fields, told):
    assert told in fault_of(tmp_path, "", entry(**fields))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("holdout: 1", "`holdout`: expected a number under 1, found 1"),
        ("exploration: some", "`exploration`: expected `none` or a number of at least 0, found 'some'"),
        ("contact: {time_zone: Europe/Londn}", "found 'Europe/Londn'; did you mean 'Europe/London'?"),
        ("contact: {time_zone: ../UTC}", "`contact.time_zone`: expected a time zone of IANA, found '../UTC'"),
        ("contact: {quiet_hours: {from: 25:00, to: '08:00'}}", "`contact.quiet_hours.from`: expected a time"),
        ("contact: {quiet_hours: {from: '08:00', to: '08:00'}}", "expected `from` and `to` to differ"),
        (
            "contact: {caps: [{per: all, most: 1, days: 0}]}",
            "`contact.caps.1.days`: expected a number over 0",
        ),
        (
            "contact: {caps: [{per: all, most: 0, days: 1}]}",
            "`contact.caps.1.most`: expected a number of at least 1",
        ),
        ("contact: {caps: [{per: channel, channel: fax, most: 1, days: 1}]}", "`contact.caps.1.channel`"),
        (
            "contact: {caps: [{per: action, action: z, most: 1, days: 1}]}",
            "expected the id of an action, found 'z'",
        ),
        (
            "contact: {caps: [{per: all, action: a, most: 1, days: 1}]}",
            "expected `channels` beside `per: all`",
        ),
        ("contact: {consent: {fax: opt_in}}", "'fax'"),
        ("contact: {consent: {email: maybe}}", "`contact.consent.email`: expected 'opt_in' or 'opt_out'"),
        ("decision_points: {home: {channels: [radio]}}", "`decision_points.home.channels.1`"),
        ("items: {eligible: item.catgory == 'x'}", "did you mean 'category'?"),
        ("items: {eligible: profile.orders_totl > 1.0}", "`items.eligible`"),
        ("items: {category_share: 0}", "`items.category_share`"),
        (
            "decision_points: {home: {items: {again_after_days: -1}}}",
            "`decision_points.home.items.again_after_days`",
        ),
        ("decision_points: {home: {limit: 51}}", "`decision_points.home.limit`"),
    ],
)
def test_each_fault_of_the_rules_is_told_with_its_place(tmp_path: Path, text, told):
    assert told in fault_of(tmp_path, text)


def test_faults_between_entries_and_in_them_are_told_together(tmp_path: Path):
    told = fault_of(
        tmp_path,
        "contact: {caps: [{per: all, most: 1, days: 0}]}",
        entry(id="b", after="[c]", when="1 +") + entry(id="c", after="[b]", channel="fax"),
    )
    for part in (
        "caps.1.days",
        "(b), `when`",
        "(c), `channel`",
        "expected no cycle, found b after c after b",
    ):
        assert part in told


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_content_whatever_is_an_error_of_another_kind(content: bytes):
    with pytest.raises(ConfigError, match=r"^mine\.yaml: "):
        parse(content, "mine.yaml")


def test_a_date_that_there_is_not_is_a_fault(tmp_path: Path):
    for written_so in ("2026-13-01", "'2026-13-01'"):
        assert "expected a date" in fault_of(tmp_path, "", entry(valid=f"{{from: {written_so}}}"))
