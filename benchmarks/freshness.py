"""How old a decision's knowledge is: from the 200 of an event to a decision that reflects it, under load.

The API and the flow run as processes of their own, as in production. A sender keeps the pace over HTTP; now
and then a probe sends an order of a customer not seen before, and asks for a decision until that no longer
says that there is no order to judge by. There is no churn model: a decision asked with `explain` false and
`test` true takes 0.1 ms less without one.
"""

import contextlib
import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import httpx2 as httpx
import msgspec

from benchmarks.report import Result, options, percentile, say, show, told
from benchmarks.workshop import Workshop, generated, workshop
from ebbtide.clock import system_clock
from ebbtide.domain.ingest import iso
from models.churn.assessment import NO_ORDER

BATCH = 50
"""Events in a request of the sender."""
PROBES = 2
"""Probes that go on side by side."""
PAUSE = 0.05
"""Seconds between two probes of one prober, so that they meet the flow at all its moments."""
GIVE_UP = 30.0
"""Seconds after which a decision that reflects nothing ends the run."""
_READY_SECONDS = 120.0


@contextlib.contextmanager
def running(shop: Workshop, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Run `ebbtide ARGUMENTS` over the workshop while the context lasts."""
    settings = {"EBBTIDE_HOME": str(shop.settings.root), "EBBTIDE_REDIS_URL": shop.url}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EBBTIDE_")}
    command = [sys.executable, "-m", "ebbtide", *arguments]
    process = subprocess.Popen(command, env={**kept, **settings}, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Shop:
    """A client of the API: sends events, asks for decisions. One per thread."""

    def __init__(self, address: str, write_key: str) -> None:
        self._client = httpx.Client(base_url=address, auth=None, timeout=10.0)
        self._auth = (write_key, "")

    def send(self, calls: Sequence[dict[str, Any]]) -> None:
        """Log events, with a 200 for all of them."""
        body = msgspec.json.encode({"batch": calls})
        answer = self._client.post("/v1/batch", content=body, auth=self._auth)
        if answer.status_code != httpx.codes.OK or answer.json()["rejected"]:
            raise RuntimeError(f"POST /v1/batch: expected 200 for all, found {answer.text}")

    def reflects_an_order(self, customer: str) -> bool:
        """Whether a decision knows of an order of the customer."""
        question = {"customerId": customer, "explain": False, "test": True}
        answer = self._client.post("/v1/decisions", json=question)
        return NO_ORDER not in answer.raise_for_status().json()["degraded"]

    def close(self) -> None:
        """End the connection."""
        self._client.close()


def keep_pace(shop: Shop, calls: Iterator[dict[str, Any]], rate: float, end: threading.Event) -> float:
    """Send until the end at `rate` events per second, whatever an answer takes; gives the rate reached."""
    started, sent = time.perf_counter(), 0
    while not end.is_set():
        now = iso(system_clock())
        shop.send([{**call, "timestamp": now} for call in itertools.islice(calls, BATCH)])
        sent += BATCH
        end.wait(max(started + sent / rate - time.perf_counter(), 0.0))
    return sent / (time.perf_counter() - started)


def probe(shop: Shop, name: str) -> float:
    """Seconds from the 200 of an order to the answer of a decision that reflects it."""
    order = {"type": "track", "event": "Order Completed", "userId": name, "properties": {"revenue": 1}}
    shop.send([order])
    logged = time.perf_counter()
    while not shop.reflects_an_order(name):
        if time.perf_counter() - logged > GIVE_UP:
            raise RuntimeError(f"no decision reflects an event that was logged {GIVE_UP:.0f} s ago")
        time.sleep(0.001)
    return time.perf_counter() - logged


class Load(threading.Thread):
    """The sender, in a thread of its own."""

    def __init__(self, shop: Shop, calls: Iterator[dict[str, Any]], rate: float) -> None:
        super().__init__(daemon=True)
        self._shop, self._calls, self._rate = shop, calls, rate
        self._end = threading.Event()
        self.reached = 0.0

    def run(self) -> None:
        """Send until told to stop."""
        self.reached = keep_pace(self._shop, self._calls, self._rate, self._end)

    def stop(self) -> None:
        """End, and wait for it."""
        self._end.set()
        self.join()


def probes(address: str, key: str, number: int, seconds: float, found: list[float]) -> None:
    """Probe again and again for some seconds; `found` takes what each took."""
    with contextlib.closing(Shop(address, key)) as shop:
        until = time.perf_counter() + seconds
        for count in itertools.count():
            if time.perf_counter() >= until:
                return
            found.append(probe(shop, f"probe-{number}-{count}"))
            time.sleep(PAUSE)


def measure(shop: Workshop, rate: float, seconds: float, customers: int) -> Result:
    """Percentiles under load, in milliseconds."""
    lines = generated(max(int(rate * seconds * 2), 1_000), customers)
    calls = itertools.cycle(_call(line, number) for number, line in enumerate(lines))
    key = shop.settings.sender_key()
    with running(shop, "serve", "--port", "0") as api, running(shop, "stream"):
        assert api.stdout is not None
        address = api.stdout.readline().split(": ", 1)[1].split()[0]
        with (
            contextlib.closing(Shop(address, key)) as client,
            contextlib.closing(Shop(address, key)) as other,
        ):
            with told("the flow runs"):
                _wait_for_the_flow(other)
            load = Load(client, calls, rate)
            load.start()
            probe(other, "warm-up")
            found: list[float] = []
            probers = [
                threading.Thread(target=probes, args=(address, key, number, seconds, found))
                for number in range(PROBES)
            ]
            for each in probers:
                each.start()
            for each in probers:
                each.join()
            load.stop()
    say(f"{len(found)} probes at {load.reached:.0f} events/s")
    return {
        "p50_ms": percentile(found, 0.5) * 1e3,
        "p99_ms": percentile(found, 0.99) * 1e3,
        "max_ms": max(found) * 1e3,
        "probes": len(found),
        "events_per_second": load.reached,
    }


def _call(line: bytes, number: int) -> dict[str, Any]:
    """A generated event as it is sent now: with no id and no time of its own."""
    call: dict[str, Any] = msgspec.json.decode(line)
    call.pop("messageId")
    return {**call, "context": {**call.get("context", {}), "number": number}}


def _wait_for_the_flow(shop: Shop) -> None:
    """Return once an event was applied: the flow takes seconds to start."""
    order = {"type": "track", "event": "Order Completed", "userId": "first", "properties": {"revenue": 1}}
    shop.send([order])
    deadline = time.monotonic() + _READY_SECONDS
    while not shop.reflects_an_order("first"):
        if time.monotonic() > deadline:
            raise RuntimeError(f"the flow applied nothing within {_READY_SECONDS:.0f} s")
        time.sleep(0.1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = options(__doc__)
    parser.add_argument("--rate", type=float, default=1_000.0, help="events per second")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long probes go on")
    parser.add_argument("--customers", type=int, default=20_000, help="customers that the events are of")
    given = parser.parse_args(arguments)
    with workshop() as shop:
        result = measure(shop, given.rate, given.seconds, given.customers)
    show(result, as_json=given.json)


if __name__ == "__main__":
    main()
