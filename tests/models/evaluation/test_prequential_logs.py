"""The correction against the frozen champion over the last third of real logs, in arrival order."""

import tempfile
import time
from pathlib import Path
from zlib import crc32

import pytest

from ebbtide.domain.event import decode
from ebbtide.logs.rejected import RejectedLog
from models.evaluation.arrivals import arrivals, weekly
from models.evaluation.prequential import prequential
from models.evaluation.timeline import sampling, schedule, stops
from streaming.importing.importer import import_events, open_log
from streaming.importing.mapping import parse_mapping
from streaming.importing.report import Report

SHARED = Path(__file__).parents[4] / "shared" / "data"
# File, horizon, active days, mapping, and of how many customers one is taken: a large log takes long.
LOGS = [
    pytest.param(
        *("online_retail.parquet", 60, 120),
        "customer=CustomerID,time=InvoiceDate,order=InvoiceNo,product=StockCode,name=Description,"
        "quantity=Quantity,price=UnitPrice",
        1,
        id="online_retail",
    ),
    pytest.param(
        *("cdnow.parquet", 90, 180),
        "customer=customer_id,time=date,quantity=cds,value=value",
        3,
        id="cdnow",
    ),
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data beside the checkout"),
]


def events_of(path, mapping, one_of):
    log = open_log(path, parse_mapping(mapping))
    with tempfile.TemporaryDirectory() as folder:
        rejected = RejectedLog(Path(folder))
        batches = import_events(log, rejected, Report(), now=time.time())
        events = (decode(raw) for batch in batches for raw in batch)
        taken = (event for event in events if crc32(event.customer.encode()) % one_of == 0)
        return sorted(taken, key=lambda event: event.at)


@pytest.mark.parametrize(("name", "horizon", "active", "mapping", "one_of"), LOGS)
def test_on_real_logs_the_correction_never_loses(name, horizon, active, mapping, one_of):
    events = events_of(SHARED / name, mapping, one_of)
    rolling = schedule(events[0].at, events[-1].at, horizon=horizon, active=active, rolling=True)
    planned, taken = weekly(rolling), sampling(len({event.customer for event in events}))
    rows = arrivals(stops(events, planned, taken), planned, taken)
    found = prequential(rows, horizon)
    assert found["labels"] == len(rows) > 10_000
    assert 0 < found["churned"] < len(rows)
    assert found["online_log_loss"] <= found["batch_log_loss"]
