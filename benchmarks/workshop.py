"""What a benchmark works with: a folder, a real Redis of its own, and events in memory."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from redis import Redis

from benchmarks.events import generate
from benchmarks.report import say, told
from ebbtide import local_redis
from ebbtide.clock import system_clock
from ebbtide.logs.rejected import RejectedLog
from ebbtide.settings import Settings
from streaming.importing.importer import Log, import_events, open_log
from streaming.importing.mapping import parse_mapping
from streaming.importing.report import Report

ONLINE_RETAIL = Path(__file__).parents[2] / "shared" / "data" / "online_retail.parquet"
_COLUMNS = (
    "customer=CustomerID,time=InvoiceDate,order=InvoiceNo,product=StockCode,name=Description,"
    "quantity=Quantity,price=UnitPrice"
)
SEED = 7


class Workshop(NamedTuple):
    """Settings of a folder that is gone afterwards, and the Redis in it, as Ebbtide itself starts one."""

    settings: Settings
    url: str
    client: Redis


@contextmanager
def workshop() -> Iterator[Workshop]:
    """Open a workshop; its Redis keeps an append-only file, as in production."""
    with tempfile.TemporaryDirectory(prefix="ebb") as folder:
        settings = Settings(home=Path(folder))
        with local_redis.running(settings.root, None) as url, local_redis.connect(url) as client:
            yield Workshop(settings, url, client)


def generated(events: int, customers: int) -> list[bytes]:
    """Mixed events of every kind, the same at each run."""
    with told(f"{events:,} events of {customers:,} customers generated"):
        return list(generate(events, customers, SEED))


def online_retail_log() -> Log | None:
    """The purchase log of a real shop, where it lies beside the checkout."""
    if not ONLINE_RETAIL.exists():
        say(f"{ONLINE_RETAIL} is not there: left out")
        return None
    return open_log(ONLINE_RETAIL, parse_mapping(_COLUMNS))


def online_retail(folder: Path) -> list[bytes] | None:
    """The events of that log, in memory; `folder` takes what cannot be used."""
    log = online_retail_log()
    if log is None:
        return None
    batches = import_events(log, RejectedLog(folder), Report(), now=system_clock())
    return [line for batch in batches for line in batch]
