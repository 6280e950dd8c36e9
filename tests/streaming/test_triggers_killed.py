"""Triggers fire exactly once, whenever the flow is killed and started again."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ebbtide.domain.event import decode
from ebbtide.jobs.backtest_triggers import replayed
from ebbtide.logs.events import RedisEventLog
from ebbtide.logs.timers import Timers
from ebbtide.logs.triggers import LOG, TriggerLog
from models.churn.scorer import ChurnScorer
from models.triggers.moments import Moments
from models.triggers.snapshot import churn_by
from models.triggers.trigger_file import load
from streaming.ticker import SETTLE, Ticker
from tests.churn_model import artefact, publish
from tests.streaming.killing import BATCH, PARTITIONS, Flow, Server, finish
from tests.trigger_shop import events

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
FORKER = Path(__file__).with_name("flow_process.py")
LINES = events(customers=400, days=60, signing_in=0.0)
END = LINES[-1][0]
BATCHES = len(LINES) // BATCH
KILLS = 20
BASE_RATE = 0.1


@pytest.fixture
def server():
    """A Redis whose event log has all events, and a champion."""
    server = Server()
    publish(server.client, base_rate=BASE_RATE)
    log = RedisEventLog(server.client, PARTITIONS)
    log.append([(customer, decode(raw).id, raw) for _, customer, raw in LINES])
    yield server
    server.close()


@pytest.fixture(scope="module")
def expected():
    """What the back-test says, with a champion."""
    scorer = ChurnScorer("1", artefact(base_rate=BASE_RATE))
    found = replayed([raw for _, _, raw in LINES], Moments(load(), churn_by(lambda: scorer))).fired
    assert sum(one.reason.endswith("overdue and likely to leave") for one in found) > 50
    return found


@pytest.fixture(scope="module", autouse=True)
def forker():
    """The process that forks the flows."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, str(FORKER)], env=environment, stdin=subprocess.PIPE) as process:
        Flow.forker = process
        yield
        process.stdin.close()


def let_time_pass(server, folder):
    """Run the flow to its end, and tell it of the silence up to the newest event."""
    finish(server, folder, "--triggers")
    for partition in range(PARTITIONS):
        Timers(server.client).heard(partition, END, END)
    ticker = Ticker(server.client, RedisEventLog(server.client, PARTITIONS))
    while ticker.step(END + SETTLE):
        finish(server, folder, "--triggers")


def test_a_flow_killed_while_it_is_told_of_silence_fires_each_trigger_once(server, expected, tmp_path):
    finish(server, tmp_path, "--triggers")
    timers, log = Timers(server.client), RedisEventLog(server.client, PARTITIONS)
    for partition in range(PARTITIONS):
        timers.heard(partition, END, END)
    assert Ticker(server.client, log).step(END + SETTLE) > BATCH
    for step in ("put", "write", "commit"):
        with Flow(server, tmp_path, "--triggers", "--die-before", step) as flow:
            assert not flow.wait(), "it came to its end"
    let_time_pass(server, tmp_path)
    assert fired(server) == expected


def fired(server):
    found = [one for _, one in TriggerLog(server.client).walk()]
    assert len(found) == server.client.xlen(LOG)
    return sorted(found, key=lambda one: (one.fired_at, one.trigger_id))


def test_a_flow_killed_twenty_times_fires_each_trigger_once(server, expected, tmp_path):
    moments = random.Random(1)
    for _ in range(KILLS):
        with Flow(server, tmp_path, "--triggers") as flow:
            assert flow.stored(moments.randint(1, BATCHES // KILLS // 2)), flow.said()
            time.sleep(moments.uniform(0, 0.005))
            assert flow.kill(), "it ended before it was killed"
    let_time_pass(server, tmp_path)
    assert len(expected) > 1_000
    assert fired(server) == expected


@pytest.mark.parametrize("step", ["put", "write", "commit"])
def test_a_flow_killed_between_two_of_its_steps_fires_each_trigger_once(server, expected, tmp_path, step):
    for call in (3, 1, 2):
        with Flow(server, tmp_path, "--triggers", "--die-before", step, "--call", call) as flow:
            assert not flow.wait(), "it came to its end"
    let_time_pass(server, tmp_path)
    assert fired(server) == expected


def test_with_redis_killed_too_each_trigger_fires_once(server, expected, tmp_path):
    moments = random.Random(2)
    for _ in range(5):
        with Flow(server, tmp_path, "--triggers") as flow:
            assert flow.stored(moments.randint(1, BATCHES // 20)), flow.said()
            for kill in moments.sample([flow.kill, server.kill], 2):
                kill()
        server.start()
    let_time_pass(server, tmp_path)
    assert fired(server) == expected
