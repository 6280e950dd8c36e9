"""The flow over the event log as a process of its own, to be killed.

It is `ebbtide stream --once` without the online learner, without triggers unless asked, with small batches,
so that there is much to be interrupted. Importing takes a second, so one process does that and forks one flow
for each line of arguments on its standard input. A flow writes to its own pipe: its pid, a line per batch
stored, and "done".
"""

import argparse
import itertools
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pandas  # noqa: F401 (PyArrow would import it in each flow anew)
from redis import Redis

from ebbtide.logs.archive import LiveArchive
from ebbtide.logs.events import RedisEventLog
from ebbtide.logs.rejected import RejectedLog
from ebbtide.logs.steady import steady
from ebbtide.logs.timers import Timers
from ebbtide.logs.triggers import TriggerLog
from features.store.online import OnlineStore
from models.churn.scorer import ModelWatcher
from models.triggers.moments import Moments
from models.triggers.snapshot import churn_by
from models.triggers.trigger_file import load
from streaming import sinks, sources
from streaming.flow import build, run
from streaming.updater import Updater


def die_before(owner, name, call):
    """Kill this process when a function is called for the nth time, instead of calling it."""
    real, calls = getattr(owner, name), itertools.count(1)

    def dying(*given, **named):
        if next(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given, **named)

    setattr(owner, name, dying)


def flow(arguments):
    """Be one flow, as the arguments say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("socket")
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--partitions", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--process", type=int)
    parser.add_argument("--addresses", type=lambda text: text.split(","), default=[])
    parser.add_argument("--die-before", choices=["append", "put", "write", "commit", "trim"])
    parser.add_argument("--triggers", action="store_true")
    parser.add_argument("--call", type=int, default=1)
    given = parser.parse_args(arguments)
    out = given.out.open("w", buffering=1)
    out.write(f"{os.getpid()}\n")
    errors = os.open(given.folder / "flow.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(errors, sys.stderr.fileno())
    sources.BATCH = given.batch
    redis = steady(Redis(unix_socket_path=given.socket, socket_timeout=10))
    log = RedisEventLog(redis, given.partitions)
    steps = {
        "append": (log, "append"),
        "put": (TriggerLog, "put"),
        "write": (OnlineStore, "write_rows"),
        "commit": (sinks, "commit"),
        "trim": (log, "trim"),
    }
    if given.die_before:
        die_before(*steps[given.die_before], given.call)
    sink = sinks.FeatureSink(
        redis,
        RejectedLog(given.folder / "rejected"),
        time.time,
        log=log,
        archive=LiveArchive(given.folder / "events"),
        progress=lambda events: out.write(f"{events}\n"),
        triggers=TriggerLog(redis),
        timers=Timers(redis),
    )
    source = sources.LogSource(log, redis, threading.Event(), once=True)
    champion = ModelWatcher(redis)
    judge = Moments(load(), churn_by(lambda: champion.refresh(time.time())))
    moments = judge if given.triggers else None
    made = build(source, sink, Updater(OnlineStore(redis), moments=moments))
    run(made, workers=given.workers, process=given.process, addresses=given.addresses)
    out.write("done\n")


def main():
    """Fork a flow for each line."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    for line in sys.stdin:
        if not os.fork():
            flow(line.split())
            return


if __name__ == "__main__":
    main()
