"""The list of signals, and its version."""

import msgspec
import pytest

from features import catalog
from features.catalog import DESCRIPTIONS, NAMES, SIGNALS, VERSION


def test_every_value_has_a_unit_and_a_meaning_and_one_owner():
    assert len(NAMES) == sum(len(signal.VALUES) for signal in SIGNALS.values())
    for name, text in DESCRIPTIONS.items():
        unit, _, meaning = text.partition(": ")
        assert unit, name
        assert meaning, name


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_is_documented_by_an_example_that_runs(name):
    assert "\n>>> " in SIGNALS[name].__doc__


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_names_the_values_that_it_gives(name):
    signal = SIGNALS[name]
    assert len(signal.value(signal.State(), 86_400.0)) == len(signal.VALUES)


def test_the_version_changes_with_a_name_a_state_or_the_edition(monkeypatch):
    class Wider(SIGNALS["tenure"].State, array_like=True):
        more: int = 0

    versions = {VERSION}
    for owner, attribute, other in (
        (catalog, "EDITION", catalog.EDITION + 1),
        (SIGNALS["tenure"], "VALUES", {"tenure_weeks": "weeks: since the first event"}),
        (SIGNALS["tenure"], "State", Wider),
    ):
        with monkeypatch.context() as changed:
            changed.setattr(owner, attribute, other)
            versions.add(catalog._version())
    assert len(versions) == 4
    assert catalog._version() == VERSION


def test_a_state_never_seen_takes_little_room():
    assert all(len(msgspec.msgpack.encode(signal.State())) < 150 for signal in SIGNALS.values())
