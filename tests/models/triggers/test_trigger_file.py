"""A file of triggers is read whole, and all that is wrong with it is told at once."""

import pytest

from ebbtide.errors import ConfigError
from models.triggers.trigger_file import load, seconds, usable


def test_eleven_triggers_ship():
    assert len(load().rules) == 11


def test_the_version_changes_with_the_file(tmp_path):
    path = tmp_path / "triggers.yaml"
    path.write_text("triggers:\n  - {id: a, when: churn > 0.5, reason: x}")
    before = load(path).version
    path.write_text("triggers:\n  - {id: a, when: churn > 0.6, reason: x}")
    assert load(path).version != before


def test_all_faults_are_told_together(tmp_path):
    path = tmp_path / "triggers.yaml"
    path.write_text(
        """triggers:
  - {id: misspelt, when: profile.cart_itms > 1, reason: "{recency}"}
  - {id: broken, when: "churn >", reason: x}
  - {id: waits, after: 1h, when: event.score > 3, reason: x}
  - {id: long, when: churn > 0.5, cooldown: a week, reason: x}
  - {id: twice, when: churn > 0.5, reason: x}
  - {id: twice, when: churn > 0.5, reason: x, colour: red}
  - nothing
"""
    )
    with pytest.raises(ConfigError) as error:
        load(path)
    message = str(error.value)
    for expected in (
        "entry 1 (misspelt), `when`: expected a signal, found profile.cart_itms; did you mean 'cart_items'?",
        "entry 1 (misspelt), `reason`: expected a signal, event.PROPERTY or one of stage, churn, product,",
        "viewed, found {recency}",
        "entry 2 (broken), `when`: expected CEL, found",
        "entry 3 (waits), `when`: expected profile, stage, churn, found the name 'event'",
        "entry 3 (waits), `after`: expected names of events",
        "entry 4 (long), `cooldown`: expected a duration such as 30m, 1h or 7d, found 'a week'",
        "entry 6 (twice), `colour`: expected no such field, found 'red'",
        "entry 7, expected keys with values, found 'nothing'",
    ):
        assert expected in message


@pytest.mark.parametrize("text", ["", "- a", "triggers: 3", "triggers: [", "others: []"])
def test_what_is_no_file_of_triggers_is_refused(tmp_path, text):
    path = tmp_path / "triggers.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"triggers\.yaml: expected"):
        load(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml: expected a file of triggers, found none"):
        load(tmp_path / "none.yaml")


def test_an_id_given_twice_is_refused(tmp_path):
    path = tmp_path / "triggers.yaml"
    path.write_text("triggers:\n" + 2 * "  - {id: a, when: churn > 0.5, reason: x}\n")
    with pytest.raises(ConfigError, match="`id`: expected once, found again: a"):
        load(path)


def test_durations_are_read():
    assert [seconds(text) for text in ("90s", "1.5h", "2 d")] == [90.0, 5400.0, 172_800.0]


def test_what_is_wrong_with_one_rule_leaves_the_others_in_use(tmp_path):
    path = tmp_path / "triggers.yaml"
    good, bad = (
        "{id: good, when: churn > 0.5, reason: x}",
        "{id: bad, when: profile.cart_itms > 1, reason: x}",
    )
    path.write_text(f"triggers:\n  - {bad}\n  - {good}\n  - {good}\n")
    rules, faults = usable(path)
    assert list(rules.by_id) == ["good"]
    assert faults[0].startswith("entry 1 (bad), `when`: expected a signal, found profile.cart_itms")
    assert faults[1] == "entry 3, `id`: expected once, found again: good"
