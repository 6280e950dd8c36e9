"""What is killed and comes back ends where it would have ended anyway, for every customer and signal."""

import math
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks.events import generate
from ebbtide.domain.event import decode
from ebbtide.logs.archive import ArchiveWriter
from ebbtide.logs.events import RedisEventLog
from features import profile
from features.history import opened
from features.store.online import OnlineStore
from tests.streaming.killing import BATCH, PARTITIONS, Flow, Server, finish, two_processes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
FORKER = Path(__file__).with_name("flow_process.py")
DAY = 86_400.0
KILLS = 20
INSTANT = 0.004
"""Seconds in which a flow takes few batches: it must not come to its end before the last kill."""


def known():
    """Two months of customers with one id each: what is exact to the last bit."""
    pairs = [(raw, decode(raw)) for raw in generate(14_000, 700, seed=5, days=60.0)]
    two = {
        person(event.customer) for _, event in pairs if event.also or person(event.customer) != event.customer
    }
    return [raw for raw, event in pairs if person(event.customer) not in two]


def merged():
    """Two months of customers with two ids each, which come together whenever the flow gets there."""
    made = generate(9_000, 200, seed=6, days=60.0)
    lines = [raw.replace(b'"c', b'"m').replace(b"-c", b"-m") for raw in made]
    events = [decode(raw) for raw in lines]
    two = {event.customer for event in events if event.also}
    return [raw for raw, event in zip(lines, events, strict=True) if person(event.customer) in two]


def person(customer):
    """The customer that an id stands for in the end, by the names that the generator gives."""
    return customer.removeprefix("device-")


def spread(lines, among):
    """The lines evenly among the others."""
    placed = [((n + 0.5) / len(lines), line) for n, line in enumerate(lines)]
    return [line for _, line in sorted(placed + [(n / len(among), line) for n, line in enumerate(among)])]


EVENTS = spread(merged(), known())
DECODED = [decode(raw) for raw in EVENTS]
NOW = max(event.at for event in DECODED) + 3 * DAY
BATCHES = len(EVENTS) // BATCH
MERGED = {event.customer for event in DECODED if event.also}
MOMENTS = [day * DAY for day in range(int(NOW // DAY) - 60, int(NOW // DAY), 7)] + [NOW]


@pytest.fixture
def server():
    """A Redis whose event log has all events."""
    server = Server()
    log = RedisEventLog(server.client, PARTITIONS)
    for start in range(0, len(EVENTS), 1000):
        chunk = range(start, min(start + 1000, len(EVENTS)))
        log.append([(DECODED[n].customer, DECODED[n].id, EVENTS[n]) for n in chunk])
    yield server
    server.close()


@pytest.fixture(scope="module")
def expected():
    """The vectors of every customer by a plain loop over the events."""
    states = {}
    for event in DECODED:
        profile.update(states.setdefault(person(event.customer), profile.new_state()), event)
    return {name: profile.vector(state, NOW) for name, state in states.items()}


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    """What is rebuilt from an archive that has each event once."""
    folder = tmp_path_factory.mktemp("past")
    with ArchiveWriter(folder / "events", "import") as part:
        part.write(EVENTS)
    return rebuilt(folder)


@pytest.fixture(scope="module", autouse=True)
def forker():
    """The process that forks the flows."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, str(FORKER)], env=environment, stdin=subprocess.PIPE) as process:
        Flow.forker = process
        yield
        process.stdin.close()


def features(server):
    """The vectors of every customer but those that turned out to be another."""
    store = OnlineStore(server.client)
    names = [name for chunk in store.customers() for name in chunk]
    states = zip(names, store.read_many(names), strict=True)
    return {name: profile.vector(state, NOW) for name, state in states if not state.merged_into}


def rebuilt(folder):
    """The states at past moments, from the archive: of each customer and moment at which they had changed."""
    with opened(folder / "events", folder / "history") as history:
        history.include(MOMENTS)
        rows = pq.read_table(history.file).to_pylist()
    rows.sort(key=lambda row: row["created"])
    return {(row["customer_id"], row["created"].timestamp()): profile.decode(row["state"]) for row in rows}


def assert_same_past(folder, past):
    """The archive gives what it would have given without a kill."""
    found = rebuilt(folder)
    assert found.keys() == past.keys()
    for (name, at), state in past.items():
        assert found[name, at].merged_into == state.merged_into, name
        pair = (profile.vector(each, at) for each in (found[name, at], state))
        triples = zip(profile.NAMES, *pair, strict=True)
        assert [each for each in triples if not close(*each[1:])] == [], (name, at)


def assert_same(found, wanted):
    """Every number is the same, to the last bit where nothing was merged; tells what differs first."""
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        same = close if name in MERGED else identical
        triples = zip(profile.NAMES, found[name], values, strict=True)
        assert [each for each in triples if not same(*each[1:])] == [], name


def identical(one, other):
    return repr(one) == repr(other)


def close(one, other):
    return identical(one, other) or math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)


def test_a_run_never_killed_gives_what_a_plain_loop_gives(server, expected, past, tmp_path):
    finish(server, tmp_path)
    assert_same(features(server), expected)
    assert_same_past(tmp_path, past)
    newest = {name: state for (name, _), state in past.items()}
    found = {name: profile.vector(state, NOW) for name, state in newest.items() if not state.merged_into}
    assert_same(found, expected)


def test_a_flow_killed_twenty_times_gives_the_same_features(server, expected, past, tmp_path):
    moments = random.Random(1)
    for _ in range(KILLS):
        with Flow(server, tmp_path) as flow:
            assert flow.stored(moments.randint(1, BATCHES // KILLS // 2)), flow.said()
            time.sleep(moments.uniform(0, INSTANT))
            assert flow.kill(), "it ended before it was killed"
    finish(server, tmp_path)
    assert_same(features(server), expected)
    assert_same_past(tmp_path, past)


@pytest.mark.parametrize("step", ["append", "write", "commit", "trim"])
def test_a_flow_killed_between_two_of_its_steps_gives_the_same_features(
    server, expected, past, tmp_path, step
):
    for call in (3, 1, 2):
        with Flow(server, tmp_path, "--die-before", step, "--call", call) as flow:
            assert not flow.wait(), "it came to its end"
    finish(server, tmp_path)
    assert_same(features(server), expected)
    assert_same_past(tmp_path, past)


def test_with_redis_killed_and_started_again_the_features_are_the_same(server, expected, past, tmp_path):
    moments = random.Random(2)
    kills = 0
    while kills < KILLS:
        with Flow(server, tmp_path) as flow:
            while kills < KILLS and flow.stored(moments.randint(1, BATCHES // KILLS // 2)):
                time.sleep(moments.uniform(0, INSTANT))
                server.kill()
                kills += 1
                server.start()
    finish(server, tmp_path)
    assert_same(features(server), expected)
    assert_same_past(tmp_path, past)


def test_with_the_last_moments_of_redis_lost_the_features_are_the_same(server, expected, past, tmp_path):
    with Flow(server, tmp_path) as flow:
        assert flow.stored(BATCHES // 4), flow.said()
        saved = server.saved()
        assert flow.stored(BATCHES // 4), flow.said()
        server.lose_power(saved)
        assert not flow.wait(), "it went on with what Redis had forgotten"
    assert "it was started again" in flow.said()
    finish(server, tmp_path)
    assert_same(features(server), expected)
    assert_same_past(tmp_path, past)


def test_with_flow_and_redis_killed_together_the_features_are_the_same(server, expected, past, tmp_path):
    moments = random.Random(3)
    for _ in range(KILLS):
        with Flow(server, tmp_path) as flow:
            assert flow.stored(moments.randint(1, BATCHES // KILLS // 2)), flow.said()
            time.sleep(moments.uniform(0, INSTANT))
            for kill in moments.sample([flow.kill, server.kill], 2):
                kill()
        server.start()
    finish(server, tmp_path)
    assert_same(features(server), expected)
    assert_same_past(tmp_path, past)


def test_two_workers_give_the_same_features(server, expected, past, tmp_path):
    finish(server, tmp_path, "--workers", 2)
    assert_same(features(server), expected)
    assert_same_past(tmp_path, past)


def test_two_processes_give_the_same_features(server, expected, past, tmp_path):
    with two_processes(server, tmp_path) as flows:
        assert all(flow.stored(20) for flow in flows), "one process did all the work"
        assert all(flow.wait() for flow in flows), flows[0].said()
    finish(server, tmp_path)
    assert_same(features(server), expected)
    assert_same_past(tmp_path, past)


@pytest.mark.parametrize("victim", [0, 1])
def test_the_death_of_one_of_two_processes_ends_the_other_and_harms_nothing(
    server, expected, past, tmp_path, victim
):
    with two_processes(server, tmp_path) as flows:
        assert all(flow.stored(20) for flow in flows)
        assert flows[victim].kill(), "it ended before it was killed"
        assert not flows[1 - victim].wait(), "it went on to the end of the log, alone"
    assert f"EbbtideError: flow: expected process {victim} at 127.0.0.1:" in flows[victim].said()
    with two_processes(server, tmp_path) as flows:
        assert all(flow.wait() for flow in flows), flows[0].said()
    finish(server, tmp_path)
    assert_same(features(server), expected)
    assert_same_past(tmp_path, past)


def test_what_one_began_two_workers_and_two_processes_go_on_with(server, expected, past, tmp_path):
    with Flow(server, tmp_path) as flow:
        assert flow.stored(60)
    with Flow(server, tmp_path, "--workers", 2) as flow:
        assert flow.stored(60)
    with two_processes(server, tmp_path) as flows:
        assert all(flow.stored(30) for flow in flows)
    finish(server, tmp_path)
    assert_same(features(server), expected)
    assert_same_past(tmp_path, past)
