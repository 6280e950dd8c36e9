"""A load generator in a process of its own: so many connections, as fast as they are answered or at a rate.

It reads bodies from a file, one a line, posts them in turn over kept connections, and prints one JSON object:
`rate` (answers a second), `p50_ms`, `p99_ms`, `failed`. With a rate, requests come at random moments (a
Poisson process), and the time of each counts from the moment at which it was due, so that a server which
stops is not spared what it kept waiting.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.report import percentile

WARM = 0.2
"""Share of the time that does not count, in which both sides get warm."""
_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


class Connection(asyncio.Protocol):
    """One kept HTTP/1.1 connection that carries one request at a time."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._buffer = b""
        self._due = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready."""
        self._transport = transport  # type: ignore[assignment] # a stream, since `create_connection` made it
        self._load.free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the run if the server hung up."""
        self._load.lost(exc)

    def send(self, request: bytes, due: float) -> None:
        """Send a request that was due at a moment (seconds of the performance counter)."""
        assert self._transport is not None
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take the answer, once it is whole."""
        self._buffer += data
        head = self._buffer.find(_END)
        if head < 0:
            return
        start = self._buffer.lower().find(_LENGTH, 0, head + 2)
        length = int(self._buffer[start + len(_LENGTH) : self._buffer.find(b"\r\n", start)])
        if len(self._buffer) < head + len(_END) + length:
            return
        good, self._buffer = self._buffer.startswith(b"HTTP/1.1 200 "), b""
        self._load.answered(self._due, good=good)
        self._load.free(self)


class Load:
    """Requests to one path: `rate` None sends the next as soon as one is answered."""

    def __init__(self, requests: Iterator[bytes], seconds: float, rate: float | None) -> None:
        self._requests, self._rate = requests, rate
        self._begin = time.perf_counter() + WARM * seconds
        self._end = self._begin + seconds
        self._idle: deque[Connection] = deque()
        self._waiting: deque[float] = deque()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.took: list[float] = []
        self.failed = 0

    def free(self, connection: Connection) -> None:
        """Give a connection that carries nothing its next request, or keep it at hand."""
        if self._rate is None:
            if (now := time.perf_counter()) < self._end:
                connection.send(next(self._requests), now)
        elif self._waiting:
            connection.send(next(self._requests), self._waiting.popleft())
        else:
            self._idle.append(connection)

    def due(self, moment: float) -> None:
        """A request is due: send it, or let it wait for a connection."""
        if self._idle:
            self._idle.pop().send(next(self._requests), moment)
        else:
            self._waiting.append(moment)

    def answered(self, due: float, *, good: bool) -> None:
        """Count an answer that came within the time that counts."""
        now = time.perf_counter()
        if self._begin <= now < self._end:
            self.took.append(now - due)
            self.failed += not good

    def lost(self, error: Exception | None) -> None:
        """The server hung up: there is nothing left to measure."""
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed a connection"))

    def end(self) -> None:
        """The time is up."""
        if not self.done.done():
            self.done.set_result(None)

    async def keep_rate(self, rate: float) -> None:
        """Let requests become due at random moments, `rate` a second on average, until the end."""
        random, moment = Random(7), time.perf_counter()
        while moment < self._end:
            while moment <= time.perf_counter():
                self.due(moment)
                moment += random.expovariate(rate)
            await asyncio.sleep(max(moment - time.perf_counter(), 0.0))

    def figures(self) -> dict[str, Any]:
        """What was measured."""
        return {
            "rate": len(self.took) / (self._end - self._begin),
            "p50_ms": percentile(self.took, 0.5) * 1e3,
            "p99_ms": percentile(self.took, 0.99) * 1e3,
            "failed": self.failed,
        }


def requests(host: str, path: str, bodies: Sequence[bytes]) -> Iterator[bytes]:
    """The requests, over and over."""
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: "
    return cycle([f"{head}{len(body)}\r\n\r\n".encode() + body for body in bodies])


async def _run(given: argparse.Namespace) -> dict[str, Any]:
    bodies = given.bodies.read_bytes().splitlines()
    load = Load(requests(given.host, given.path, bodies), given.seconds, given.rate)
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: Connection(load), given.host, given.port)
        for _ in range(given.connections)
    ]
    pace = loop.create_task(load.keep_rate(given.rate)) if given.rate else asyncio.sleep(0)
    loop.call_later((1 + WARM) * given.seconds, load.end)
    await load.done
    await pace
    for transport, _ in made:
        transport.abort()
    return load.figures()


def main() -> None:
    """Send, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--bodies", type=Path, required=True, help="a file of JSON bodies, one a line")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=float, help="requests a second; not given: as fast as it goes")
    sys.stdout.write(json.dumps(asyncio.run(_run(parser.parse_args()))) + "\n")


if __name__ == "__main__":
    main()
