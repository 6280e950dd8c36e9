"""The flow over a real Redis: from logged events to features and archive."""

import signal
import subprocess
import sys
import threading

import pytest

from ebbtide.domain.event import decode
from ebbtide.domain.ingest import accept
from ebbtide.errors import ConfigError
from ebbtide.logs.archive import LiveArchive, read
from ebbtide.logs.events import BEGINNING, RedisEventLog
from ebbtide.logs.offsets import committed
from ebbtide.logs.rejected import RejectedLog
from features import profile
from features.store.online import OnlineStore
from streaming.flow import build
from streaming.flow import run as run_flow
from streaming.sinks import FeatureSink
from streaming.sources import ImportSource, LogSource
from streaming.updater import Updater

DAY = 86_400.0
FIRST = 19_000


def raw_order(customer, day, revenue=10.0):
    call = {
        "type": "track",
        "event": "Order Completed",
        "userId": customer,
        "timestamp": (FIRST + day) * DAY,
        "properties": {"revenue": revenue, "products": [{"product_id": f"p{day % 5}", "quantity": 1}]},
    }
    return accept(call, received_at=(FIRST + 400) * DAY, message_id=f"{customer}-{day}")


EVENTS = [(f"c{n % 7}", day) for day in range(60) for n in range(day % 4)]


@pytest.fixture
def log(redis):
    return RedisEventLog(redis, partitions=3)


def append(log, events):
    return log.append(
        [
            (customer, accepted[1].id, accepted[0])
            for customer, day in events
            if (accepted := raw_order(customer, day))
        ]
    )


KILLED = """
import os, signal, sys, threading
from pathlib import Path
from streaming.flow import run
from redis import Redis
from ebbtide.logs.events import RedisEventLog
from ebbtide.logs.rejected import RejectedLog
from features.store.online import OnlineStore
from streaming.flow import build
from streaming.sinks import FeatureSink
from streaming.sources import LogSource
from streaming.updater import Updater

socket, folder = sys.argv[1], Path(sys.argv[2])
redis = Redis(unix_socket_path=socket)
log = RedisEventLog(redis, partitions=3)
sink = FeatureSink(
    redis, RejectedLog(folder / "rejected"), lambda: 0.0, log=log,
    progress=lambda _: os.kill(os.getpid(), signal.SIGKILL),
)
source = LogSource(log, redis, threading.Event(), once=True)
run(build(source, sink, Updater(OnlineStore(redis))))
"""


def run(redis, log, folder, *, source=None, commits=True):
    """Run the flow until it has read all."""
    sink = FeatureSink(
        redis,
        RejectedLog(folder / "rejected"),
        lambda: 0.0,
        log=log if commits else None,
        archive=LiveArchive(folder / "events") if source is None else None,
    )
    source = source or LogSource(log, redis, threading.Event(), once=True)
    run_flow(build(source, sink, Updater(OnlineStore(redis))))


def features(redis):
    names = [f"c{n}" for n in range(7)]
    return {
        name: profile.vector(state, (FIRST + 61) * DAY)
        for name, state in zip(names, OnlineStore(redis).read_many(names), strict=True)
        if state is not None
    }


def expected(events):
    states = {}
    for customer, day in events:
        profile.update(states.setdefault(customer, profile.new_state()), raw_order(customer, day)[1])
    return {name: profile.vector(state, (FIRST + 61) * DAY) for name, state in states.items()}


def same(left, right):
    return repr(dict(sorted(left.items()))) == repr(dict(sorted(right.items())))


def test_features_equal_those_of_a_plain_loop_over_the_events(redis, log, tmp_path):
    append(log, EVENTS)
    run(redis, log, tmp_path)
    assert same(features(redis), expected(EVENTS))
    assert all(committed(redis, p) != BEGINNING for p in range(3))


def test_a_second_run_goes_on_where_the_first_ended(redis, log, tmp_path):
    append(log, EVENTS[:30])
    run(redis, log, tmp_path)
    append(log, EVENTS[30:])
    run(redis, log, tmp_path)
    assert same(features(redis), expected(EVENTS))


def test_what_was_stored_but_not_committed_counts_once(redis, log, tmp_path):
    append(log, EVENTS)
    run(redis, log, tmp_path, commits=False)
    assert log.length() == len(EVENTS)
    run(redis, log, tmp_path)
    assert same(features(redis), expected(EVENTS))
    assert log.length() < len(EVENTS)


def test_a_flow_that_was_killed_and_came_back_gives_the_same_features(redis, redis_server, log, tmp_path):
    append(log, EVENTS)
    died = subprocess.run([sys.executable, "-c", KILLED, str(redis_server), str(tmp_path)], check=False)
    assert died.returncode == -signal.SIGKILL
    assert any(committed(redis, p) != log.last_offset(p) for p in range(3))
    run(redis, log, tmp_path)
    assert same(features(redis), expected(EVENTS))


def test_an_import_read_twice_counts_once(redis, log, tmp_path):
    lines = [raw_order(customer, day)[0] for customer, day in EVENTS]
    for _ in range(2):
        run(redis, log, tmp_path, source=ImportSource(1, lines))
    assert same(features(redis), expected(EVENTS))


def test_live_events_follow_an_import_and_an_import_follows_live_events(redis, log, tmp_path):
    run(redis, log, tmp_path, source=ImportSource(1, [raw_order(c, d)[0] for c, d in EVENTS[:20]]))
    append(log, EVENTS[20:50])
    run(redis, log, tmp_path)
    run(redis, log, tmp_path, source=ImportSource(2, [raw_order(c, d)[0] for c, d in EVENTS[50:]]))
    assert same(features(redis), expected(EVENTS))


def test_a_record_that_is_no_event_is_kept_and_the_rest_goes_on(redis, log, tmp_path):
    log.append([("c1", "m", b"{broken")])
    append(log, EVENTS)
    run(redis, log, tmp_path)
    assert same(features(redis), expected(EVENTS))
    assert "{broken" in (tmp_path / "rejected" / "stream.jsonl").read_text()


def test_a_flow_told_to_stop_ends(redis, log, tmp_path):
    stop = threading.Event()
    stop.set()
    run(redis, log, tmp_path, source=LogSource(log, redis, stop))
    assert features(redis) == {}


def test_an_error_in_the_flow_is_told_as_it_was_raised(redis, log, tmp_path):
    append(log, EVENTS)
    with pytest.raises(ConfigError, match="found one of 3"):
        run(redis, RedisEventLog(redis, partitions=4), tmp_path)


def test_an_event_later_than_allowed_changes_nothing_and_is_kept(redis, log, tmp_path):
    append(log, [("c1", 20), ("c1", 3)])
    run(redis, log, tmp_path)
    assert same(features(redis), expected([("c1", 20)]))
    assert "late: older than the newest event" in (tmp_path / "rejected" / "stream.jsonl").read_text()


def test_the_log_lets_go_of_what_is_stored_and_the_archive_has_it(redis, log, tmp_path):
    append(log, EVENTS)
    run(redis, log, tmp_path)
    assert log.length() == 0
    assert len(list(read([tmp_path / "events"]))) == len(EVENTS)


def test_the_archive_has_what_counts_and_what_is_delivered_again_once(redis, log, tmp_path):
    log.append([("c1", "m", b"{broken")])
    append(log, [("c1", 20), ("c1", 3)])
    run(redis, log, tmp_path, commits=False)
    append(log, [("c1", 21)])
    run(redis, log, tmp_path)
    found = [decode(raw).id for raw in read([tmp_path / "events"])]
    assert found == ["c1-20", "c1-21"]
