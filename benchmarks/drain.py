"""Empties an event log with the real flow in one process or several, and measures how long that takes.

Run as a program it is one of those processes: it gets ready, waits for the word, and drains.
"""

import argparse
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from redis import Redis

from benchmarks.workshop import Workshop
from ebbtide import local_redis
from ebbtide.clock import system_clock
from ebbtide.domain.event import decode
from ebbtide.jobs.stream import stream
from ebbtide.logs.events import Entry, RedisEventLog
from ebbtide.logs.offsets import committed
from ebbtide.settings import Settings

_READY, _GO = "benchmark:ready", "benchmark:go"
_PATIENCE = 120
"""Seconds until a process must be ready: it imports the online learner."""
_APPENDED = 2_000


def measure(shop: Workshop, lines: Sequence[bytes], processes: int) -> float:
    """Seconds in which so many processes drain a log of these events, from the word to the last commit."""
    client: Any = shop.client
    log = RedisEventLog(client, shop.settings.partitions, backlog=10 * len(lines))
    fill(log, lines)
    last = [log.last_offset(partition) for partition in range(log.partitions)]
    with ExitStack() as running:
        for process in _started(shop, processes):
            running.enter_context(process)
        deadline = time.monotonic() + _PATIENCE
        while int(client.get(_READY) or 0) < processes:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the draining processes were not ready within {_PATIENCE} s")
            time.sleep(0.05)
        started = time.perf_counter()
        client.set(_GO, 1)
        for partition, offset in enumerate(last):
            while committed(client, partition) < offset:
                time.sleep(0.005)
        return time.perf_counter() - started


def fill(log: RedisEventLog, lines: Sequence[bytes]) -> None:
    """Append events, in order, as the API does."""
    entries = ((event.customer, event.id, raw) for raw in lines for event in [decode(raw)])
    while chunk := list(islice(entries, _APPENDED)):
        log.append(list[Entry](chunk))


def _started(shop: Workshop, processes: int) -> Iterator[Any]:
    """The processes, each as a context that ends when it has ended."""
    addresses = [f"127.0.0.1:{port}" for port in _free_ports(processes)] if processes > 1 else []
    for number in range(processes):
        command = [sys.executable, "-m", "benchmarks.drain", str(shop.settings.root), shop.url]
        if addresses:
            command += ["--process", str(number), "--addresses", ";".join(addresses)]
        yield _waited_for(subprocess.Popen(command, cwd=Path(__file__).parents[1]))


@contextmanager
def _waited_for(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    try:
        yield
        if process.wait(timeout=60):
            raise RuntimeError(f"a draining process ended with {process.returncode}")
    finally:
        process.kill()
        process.wait()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def _wait_for_the_word(client: Redis) -> None:
    client.incr(_READY)
    while not client.exists(_GO):
        time.sleep(0.002)


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("redis_url")
    parser.add_argument("--process", type=int)
    parser.add_argument("--addresses", type=lambda text: text.split(";"), default=[])
    given = parser.parse_args()
    with local_redis.connect(given.redis_url) as client:
        stream(
            Settings(home=given.home),
            client,
            clock=system_clock,
            once=True,
            process=given.process,
            addresses=given.addresses,
            ready=lambda: _wait_for_the_word(client),
        )


if __name__ == "__main__":
    _main()
