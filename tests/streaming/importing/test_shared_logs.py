"""Logs of real shops, imported whole."""

from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from ebbtide.domain.event import decode
from ebbtide.logs.rejected import RejectedLog
from streaming.importing.importer import import_events, open_log
from streaming.importing.mapping import parse_mapping
from streaming.importing.report import Report

NOW = 1_800_000_000.0
DATA = Path(__file__).parents[3].parent / "shared" / "data"


def shared(name: str) -> Path:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"{name} is not in ../shared/data")
    return path


def test_online_retail_imports_whole(tmp_path: Path) -> None:
    path = shared("online_retail.parquet")
    mapping = "customer=CustomerID,time=InvoiceDate,order=InvoiceNo,product=StockCode"
    mapping += ",quantity=Quantity,price=UnitPrice"
    lines = pl.scan_parquet(path).filter(pl.col("CustomerID").is_not_null())
    spent = pl.col("Quantity") * pl.col("UnitPrice")
    bought, returned = (
        lines.select(
            spent.filter(pl.col("Quantity") > 0).sum().alias("b"), -spent.filter(pl.col("Quantity") < 0).sum()
        )
        .collect()
        .row(0)
    )
    report, rejected = Report(), RejectedLog(tmp_path)
    batches = import_events(open_log(path, parse_mapping(mapping)), rejected, report, now=NOW)
    events = [decode(raw) for batch in batches for raw in batch]
    assert report.lines == 541_909
    assert report.rejected == {"no customer": 135_080}
    worth = {name: sum(e.properties.worth() for e in events if e.name == name) for name in report.events}
    assert worth["Order Completed"] == pytest.approx(bought, abs=1.0)
    assert worth["Order Refunded"] == pytest.approx(returned, abs=1.0)
    assert [e.name for e in events if e.customer == "12346"] == ["Order Completed", "Order Refunded"]
    assert all(one.at <= other.at for one, other in pairwise(events))


def test_cdnow_imports_whole(tmp_path: Path) -> None:
    path = shared("cdnow.parquet")
    report, rejected = Report(), RejectedLog(tmp_path)
    log = open_log(path, parse_mapping("customer=customer_id,time=date,quantity=cds,value=value"))
    events = [decode(raw) for batch in import_events(log, rejected, report, now=NOW) for raw in batch]
    assert (report.lines, rejected.count) == (69_659, 0)
    assert len({event.customer for event in events}) == 23_570
    total = pl.scan_parquet(path).select(pl.col("value").sum()).collect().item()
    assert sum(event.properties.worth() for event in events) == pytest.approx(total, abs=0.01)
