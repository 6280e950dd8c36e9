"""What the tests that kill are made of: a Redis and flows, as processes that end at any moment."""

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from redis import Redis

from ebbtide.local_redis import _binary
from ebbtide.logs.events import RedisEventLog
from ebbtide.logs.offsets import committed

PARTITIONS, BATCH = 4, 40


class Server:
    """A Redis with an append-only file, as Ebbtide starts it, that can be killed and started again."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="ebb", dir="/tmp"))
        self.socket = self.folder / "r.sock"
        self.client = Redis(unix_socket_path=str(self.socket), socket_timeout=10)
        self.start()

    def start(self):
        options = ["--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder)]
        options += ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]
        self.process = subprocess.Popen([_binary(), *options], stdout=subprocess.DEVNULL)
        for _ in range(400):
            assert self.process.poll() is None, "redis-server ended while starting"
            with contextlib.suppress(Exception):
                self.client.ping()
                return
            time.sleep(0.02)
        raise AssertionError("redis-server did not answer")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def saved(self):
        """What would be on disk if the power went now."""
        return (self.folder / "appendonly.aof").read_bytes()

    def lose_power(self, saved):
        """Come back with what was on disk at an earlier moment."""
        self.kill()
        (self.folder / "appendonly.aof").write_bytes(saved)
        self.start()

    def close(self):
        self.kill()
        self.client.close()
        shutil.rmtree(self.folder)


class Flow:
    """One flow in a process of its own; it ends by itself once it has read the log."""

    forker = None
    numbers = itertools.count()

    def __init__(self, server, folder, *arguments):
        self.folder = folder
        pipe = folder / f"out-{next(self.numbers)}"
        os.mkfifo(pipe)
        words = [server.socket, folder, pipe, "--partitions", PARTITIONS, "--batch", BATCH, *arguments]
        self.forker.stdin.write(f"{' '.join(map(str, words))}\n".encode())
        self.forker.stdin.flush()
        self.out = pipe.open()
        self.pid = int(self.out.readline())

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.kill()
        self.out.close()

    def stored(self, batches):
        """Wait until so many batches are stored; False if it ended before."""
        return all(line.strip().isdigit() for _ in range(batches) for line in [self.out.readline()])

    def wait(self):
        """Wait for the end; whether it came to that by itself."""
        return "done" in self.out.read()

    def kill(self):
        """Kill it; whether it still ran."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        return not self.wait()

    def said(self):
        return (self.folder / "flow.log").read_text()


def finish(server, folder, *arguments):
    """Let the flow run to its end, and again while it has left itself messages on merges."""
    while waiting(server):
        with Flow(server, folder, *arguments) as flow:
            assert flow.wait(), flow.said()


def waiting(server):
    log = RedisEventLog(server.client, PARTITIONS)
    return any(log.read(number, committed(server.client, number), 1) for number in range(PARTITIONS))


@contextlib.contextmanager
def two_processes(server, folder):
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(2)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        addresses = ",".join(f"127.0.0.1:{each.getsockname()[1]}" for each in sockets)
    with (
        Flow(server, folder, "--process", 0, "--addresses", addresses) as first,
        Flow(server, folder, "--process", 1, "--addresses", addresses) as second,
    ):
        yield first, second
