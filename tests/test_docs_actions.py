"""What the docs tell a marketer about actions is what happens."""

import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from ebbtide.cli.report import _sentence, _table
from ebbtide.domain.contact import Reach
from ebbtide.errors import ConfigError
from ebbtide.jobs.report import LiftReport
from ebbtide.logs.contacts import Contacts
from models.actions.action_file import Entry
from models.actions.actions import load, parse
from models.actions.arbitration import HELD_OUT
from models.actions.cohort import Cohort
from models.actions.eligibility import judged
from models.actions.lift import latest
from models.actions.messages import SLOTS, faults
from models.expressions import FUNCTIONS, OF_CUSTOMER, Expression, Facts

PAGE = (Path(__file__).parents[1] / "docs" / "actions.md").read_text()
BLOCKS = re.findall(r"^```([a-z]*)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
FAULTY = "# three faults"
FILES = [text for kind, text in BLOCKS if kind == "yaml" and not text.startswith(FAULTY)]


def rows(heading: str, begins: str = "|") -> list[list[str]]:
    """The cells of the tables under a heading, from the line that begins so; `\\|` in a cell is a bar."""
    lines = PAGE.split(f"\n{heading}\n", 1)[1].split("\n## ", 1)[0].splitlines()
    table = [line for line in lines if line.startswith("|")]
    table = table[next(at for at, line in enumerate(table) if line.startswith(begins)) :]
    return [re.split(r" (?<!\\)\| ", line.strip("| ")) for line in table[2:]]


@pytest.mark.parametrize("text", FILES, ids=lambda text: text.split("\n")[0].strip(":"))
def test_an_example_is_a_policy(text):
    assert parse(text.encode(), "docs").actions


def test_the_keys_of_an_action_stand_in_the_docs_with_their_defaults():
    told = {row[0].strip("`"): row[1].strip("`") for row in rows("## Write an action")}
    fields = Entry.model_fields
    assert set(told) == set(fields)
    for name, default in told.items():
        field = fields[name]
        if default == "needed":
            assert field.is_required(), name
        elif default not in ("all", "always"):
            shown = str(field.default).lower() if isinstance(field.default, bool) else f"{field.default}"
            assert default in (shown, shown.removesuffix(".0")), name


@pytest.mark.parametrize("row", rows("## For whom: conditions"), ids=lambda row: row[1])
def test_a_condition_compiles(row):
    Expression(row[0].strip("`").replace("\\|", "|"), OF_CUSTOMER)


def test_the_functions_that_are_told_exist():
    sentence = PAGE.partition("- Functions: ")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", sentence)) <= FUNCTIONS


def test_conditions_that_need_what_is_not_known_do_not_hold():
    facts = Facts({}, stage="new")
    for text in ("profile.nps_last > 5", "!(profile.nps_last > 5)", "churn > 0.1", "churn <= 0.1"):
        assert not Expression(text, OF_CUSTOMER).holds(facts)


def test_the_slots_stand_in_the_docs():
    told = [row[0].strip("`") for row in rows("## Messages with slots")]
    assert not [fault for slot in told for fault in faults(slot)]
    assert {slot.strip("{}") for slot in told if "." not in slot} == set(SLOTS)


def test_the_faults_are_told_as_the_docs_show():
    [text] = [text for _, text in BLOCKS if text.startswith(FAULTY)]
    [shown] = [each for kind, each in BLOCKS if kind == "text" and "contact.caps" in each]
    with pytest.raises(ConfigError) as caught:
        parse(text.encode(), "mine.yaml")
    said = str(caught.value).removeprefix("mine.yaml: ")
    assert said == "; ".join(shown.splitlines())


RULES = """
contact: {quiet_hours: {from: "21:00", to: "08:00", channels: [web]}, caps: [
  {per: channel, channel: sms, most: 1, days: 7}]}
decision_points: {home_page: {channels: [web, in_app]}}
actions:
  - {id: a, channel: email, message: Hi, response: 0.1, value: 1}
  - {id: b, channel: web, message: Hi, response: 0.1, value: 1, stages: [slipping, dormant]}
  - {id: c, channel: web, message: Hi, response: 0.1, value: 1, when: profile.orders_total >= 3}
  - {id: d, channel: web, message: Hi, response: 0.1, value: 1, valid: {from: 2026-12-01}}
  - {id: e, channel: web, message: Hi, response: 0.1, value: 1, after: [welcome]}
  - {id: f, channel: sms, message: Hi, response: 0.1, value: 1}
  - {id: welcome, channel: web, message: Hi, response: 0.1, value: 1}
"""


def test_the_rules_of_a_receipt_are_worded_as_the_docs_show(redis):
    policy = parse(RULES.encode(), "docs")
    night = datetime(2026, 7, 1, 22, tzinfo=UTC).timestamp()
    facts, reach = Facts({}, stage="new"), Reach(time_zone="Europe/London")
    found = {}
    for point in ("home_page", "default"):
        found |= {
            action.id: rule
            for action, rule in judged(
                policy, facts, stage="new", now=night, reach=reach, decision_point=point
            )
            if rule is not None and found.get(action.id, "").partition(":")[0] != "decision point"
        }
    contacts, [sms] = Contacts(redis), [action for action in policy.actions if action.id == "f"]
    assert contacts.reserve("c", "1", sms, policy.contact.caps, night) is None
    cap = contacts.reserve("c", "2", sms, policy.contact.caps, night)
    consent = [rule for action, rule in judged(policy, facts, stage="new", now=night) if action.id == "f"]
    said = {*found.values(), cap.rule(sms), *consent, HELD_OUT}
    table = PAGE.partition("| rule in the receipt |")[2].partition("\n\n")[0].splitlines()[2:]
    assert {line.split(" | ")[0].strip("|` ") for line in table} == said


def report(customers: int) -> LiftReport:
    """Of a shop in which actions make 40% of customers order instead of 33%."""
    rng = np.random.default_rng(1)
    held = rng.random(customers) < 0.1
    ordered = rng.random(customers) < np.where(held, 0.33, 0.40)
    money = ordered * rng.lognormal(3.0, 1.0, customers)
    return LiftReport(
        since="2026-01-01T00:00:00Z",
        until="2026-06-01T00:00:00Z",
        horizon=60,
        holdout=0.1,
        retained=latest(ordered.astype(float), held, 0.1),
        money=latest(money, held, 0.1),
        followed=Cohort(np.zeros(customers), ordered.astype(float), money, held),
    )


def test_the_example_of_the_lift_report_is_what_the_report_says():
    told = rows("## Does any of it help? The report for a manager", "| per customer")
    for customers in (900, 8_000):
        found = report(customers)
        columns = [list(column.cells) for column in _table(found).columns]
        shown = [[f"of {customers:,}: {name}", *cells] for name, *cells in zip(*columns, strict=True)]
        assert [row for row in told if row[0].startswith(f"of {customers:,}:")] == shown
        for each in (found.retained, found.money):
            assert f"`{_sentence('', each)[2:].partition(',')[0]}`" in PAGE
    assert f"{report(900).retained.held_out} customers held out are few" in PAGE


def test_the_shipped_policy_limits_what_the_docs_say_it_does():
    assert str(load().contact.quiet_hours) in PAGE
