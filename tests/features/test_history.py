"""The history in its folder: exact at what was asked for, made once, and anew when something changed."""

from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from ebbtide.logs.archive import LiveArchive
from features import history as module
from features.history import opened
from features.signals.testing import order
from tests.archive import call, history_of, write

DAY = 86_400.0
FIRST = 20_000


def at(day):
    return (FIRST + day) * DAY


@pytest.fixture
def home(tmp_path):
    write(tmp_path, [order(FIRST + day, customer=who) for day in range(9) for who in "ab"])
    return tmp_path


def open_(home):
    return opened(home / "events", home / "history")


def held(history):
    """(customer, day of the newest event) of each row."""
    rows = pq.read_table(history.file).to_pylist()
    return sorted((row["customer_id"], row["event_timestamp"].timestamp() / DAY - FIRST) for row in rows)


class Work:
    """Counts the events replayed."""

    def __init__(self):
        self.events = 0

    def __call__(self, more):
        self.events += more


def test_each_moment_asked_for_has_the_states_of_those_who_changed(home):
    with open_(home) as history:
        history.include([at(2.5), at(1)])
        assert history.moments == (at(1), at(2.5))
        assert held(history) == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
        assert pq.read_schema(history.file).equals(module.SCHEMA)
        [created] = {
            row["created"]
            for row in pq.read_table(history.file).to_pylist()
            if row["event_timestamp"] == datetime.fromtimestamp(at(2), UTC)
        }
        assert created.timestamp() == at(2.5)


def test_what_was_made_serves_the_next_command_too(home):
    work = Work()
    with open_(home) as history:
        history.include([at(1), at(2)], work)
    with open_(home) as history:
        history.include([at(2)], work)
        assert history.span(work) == (18, at(0), at(8))
    assert work.events == 18


def test_further_moments_come_to_those_before(home):
    for days in ([1, 5], [3]):
        with open_(home) as history:
            history.include([at(day) for day in days])
    assert history.moments == (at(1), at(3), at(5))


def test_a_longer_archive_is_read_again_and_another_catalog_too(home, monkeypatch):
    with open_(home) as history:
        history.include([at(1)])
    LiveArchive(home / "events").append([call(order(FIRST + 0.5, customer="c"))], 0.0)
    with open_(home) as history:
        assert history.moments == ()
        history.include([at(1)])
        assert held(history) == [("a", 1), ("b", 1), ("c", 0.5)]
    monkeypatch.setattr(module, "VERSION", "another")
    with open_(home) as history:
        assert history.moments == ()


def test_a_making_that_was_interrupted_is_done_again(home, monkeypatch):
    with open_(home) as history:
        history.include([at(1)])
        with monkeypatch.context() as patched:
            patched.setattr(module, "_write", interrupted)
            with pytest.raises(InterruptedError):
                history.include([at(2)])
    with open_(home) as history:
        assert history.moments == ()
        history.include([at(2)])
        assert held(history) == [("a", 2), ("b", 2)]


def interrupted(path, _):
    path.write_bytes(b"half")
    raise InterruptedError


def test_no_events_have_no_span_and_no_states(tmp_path):
    with history_of(tmp_path, []) as history:
        assert history.span() is None
        history.include([at(1)])
        assert held(history) == []


def test_a_note_that_cannot_be_read_is_as_none(home):
    with open_(home) as history:
        history.include([at(1)])
    (home / "history" / "made.json").write_text("{")
    with open_(home) as history:
        assert history.moments == ()
