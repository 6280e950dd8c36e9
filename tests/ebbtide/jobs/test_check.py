"""The check tells of the policy what it holds, or all its faults together."""

import pytest

from ebbtide.jobs.check import check
from ebbtide.settings import Settings
from models.triggers import trigger_file

FAULTY = """
contact: {caps: [{per: all, most: 5, days: 0}]}
actions:
  - {id: a, channel: fax, message: "Hi {nme}", response: 0.05, value: 40, after: [b]}
  - {id: b, channel: email, message: Hi, response: 0.06, value: 22, when: profile.orders_totl > 3, after: [a]}
"""


@pytest.fixture
def finding(redis, tmp_path):
    def look(text=None):
        path = tmp_path / "mine.yaml"
        if text is not None:
            path.write_text(text)
        settings = Settings(home=tmp_path / "home", actions=None if text is None else path)
        return {each.part: each for each in check(settings, redis)}["actions"]

    return look


def test_the_policy_that_ships_is_well(finding):
    found = finding()
    assert found.ok
    assert found.text.startswith("10 actions beside doing nothing, 2 with conditions, 3 caps, hold-out 5.0%")


def test_all_faults_of_a_policy_are_told_together_each_on_a_line(finding):
    found = finding(FAULTY)
    assert not found.ok
    place, *lines = found.text.splitlines()
    assert place.endswith("mine.yaml:")
    for line, begin in zip(
        lines,
        (
            "`contact.caps.1.days`: expected a number over 0, found 0",
            "entry 1 (a), `channel`: expected 'email'",
            "entry 1 (a), `message`: expected a slot",
            "entry 2 (b), `when`: expected a signal, found profile.orders_totl; did you mean 'orders_total'?",
            "`after`: expected no cycle, found a after b after a",
        ),
        strict=True,
    ):
        assert begin in line


def test_the_triggers_in_force_are_told_and_their_faults_named(redis, tmp_path):
    def look(path):
        settings = Settings(home=tmp_path / "home", triggers=path)
        return {each.part: each for each in check(settings, redis)}["triggers"]

    assert look(None).text.startswith(f"{len(trigger_file.load().rules)} triggers, version ")
    path = tmp_path / "triggers.yaml"
    path.write_text("triggers:\n  - {id: a, when: profile.cart_itms > 1, reason: x}")
    found = look(path)
    assert not found.ok
    assert (
        "entry 1 (a), `when`: expected a signal, found profile.cart_itms; did you mean 'cart_items'?"
        in found.text
    )
