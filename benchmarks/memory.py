"""What a customer costs: bytes in Redis for the whole catalogue, and memory of the flow over a million.

The bytes are those by which Redis grew over the import of a real shop's log by the real job. The flow runs
in a process of its own over events that are made as it reads them, so that its memory is its own alone.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import psutil

from benchmarks.flow import ours as stream
from benchmarks.report import Result, options, show, told
from benchmarks.workshop import Workshop, generated, online_retail_log, workshop
from ebbtide import local_redis
from ebbtide.clock import system_clock
from ebbtide.domain.ingest import iso
from ebbtide.jobs.imports import import_file
from ebbtide.jobs.progress import silent
from ebbtide.settings import Settings
from features.store import layout
from features.store.online import OnlineStore
from models.recommendations import item_store

START = 1_750_000_000.0
AGAIN = 4
"""Every fourth customer comes a second time."""
STEADY = 0.5
"""From this share of the customers on, growth is that of a flow that runs for long."""


def used(client: Any) -> int:
    """Bytes in use, once what was only passing has gone."""
    time.sleep(0.5)
    return int(client.info("memory")["used_memory"])


_ITEMS = (item_store.RECORDS, item_store.CHARTS, item_store.REACHED)
"""What is kept of products: it grows with those, not with customers."""


def redis_bytes(shop: Workshop, fallback: int) -> Result:
    """Bytes per customer, in Redis, of the real shop's log; of generated events where it is not there."""
    log = online_retail_log()
    lines = generated(fallback * 25, fallback) if log is None else []
    before = used(shop.client)
    with told("imported"):
        if log is None:
            stream(shop, lines)
        else:
            import_file(shop.settings, shop.client, log, clock=system_clock, progress=silent)
    store, client = OnlineStore(shop.client), shop.client
    customers = [name for chunk in store.customers() for name in chunk]
    states = [len(client.hget(layout.key(name), layout.STATE_FIELD) or b"") for name in customers]  # type: ignore[arg-type]
    items = sum(client.memory_usage(key, samples=0) or 0 for key in _ITEMS)  # type: ignore[misc]
    return {
        "bytes_per_customer": (used(client) - before - items) / len(customers),
        "redis": {
            "items_bytes": items,
            "data_set": "generated" if log is None else "online_retail",
            "customers": len(customers),
            "state_bytes_mean": sum(states) / len(states),
            "state_bytes_largest": max(states),
        },
    }


def events(customers: int) -> Iterator[bytes]:
    """An event of each customer, in turn, and a second one of some; none is kept."""
    encode = msgspec.json.Encoder().encode
    call: dict[str, Any] = {"type": "track", "event": "Order Completed"}
    order = {"revenue": 12.5, "products": [{"product_id": "p1", "price": 12.5}]}
    for number in range(customers):
        call |= {"userId": f"c{number}", "timestamp": iso(START + number), "properties": order}
        yield encode({**call, "messageId": f"a{number}"})
        if number % AGAIN == 0:
            call["userId"] = f"c{number // 2}"
            yield encode({**call, "messageId": f"b{number}"})


def flow_memory(customers: int) -> Result:
    """Peak memory of a flow over so many customers, and what each of them adds to it."""
    with workshop() as shop, told(f"flow over {customers:,} customers"):
        command = [sys.executable, "-m", "benchmarks.memory", "--flow", str(shop.settings.root), shop.url]
        command += ["--customers", str(customers)]
        done = subprocess.run(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, check=True)
    found: Result = json.loads(done.stdout)
    return found


def watched(root: Path, url: str, customers: int) -> Result:
    """Run the flow in this process, and look at its memory meanwhile."""
    process, end = psutil.Process(), threading.Event()
    start = process.memory_info().rss
    seen: list[tuple[int, int]] = [(0, start)]
    given = 0

    def counted() -> Iterator[bytes]:
        nonlocal given
        for line in events(customers):
            yield line
            given += 1

    def watch() -> None:
        while not end.wait(0.05):
            seen.append((given, process.memory_info().rss))

    watcher = threading.Thread(target=watch)
    with local_redis.connect(url) as client:
        watcher.start()
        stream(Workshop(Settings(home=root), url, client), counted())
        end.set()
        watcher.join()
    peak = max(rss for _, rss in seen)
    until = max(rss for at, rss in seen if at <= given * STEADY)
    return {
        "customers": customers,
        "peak_bytes": peak,
        "start_bytes": start,
        "growth_per_customer": (peak - start) / customers,
        "growth_per_customer_second_half": (peak - until) / (customers * (1 - STEADY)),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = options(__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000, help="customers that the flow sees")
    parser.add_argument("--flow", nargs=2, metavar=("HOME", "REDIS"), help="be the process that is measured")
    given = parser.parse_args(arguments)
    if given.flow:
        print(json.dumps(watched(Path(given.flow[0]), given.flow[1], given.customers)))
        return
    with workshop() as shop:
        result = redis_bytes(shop, fallback=min(given.customers, 5_000))
    result["flow"] = flow_memory(given.customers)
    show(result, as_json=given.json)


if __name__ == "__main__":
    main()
