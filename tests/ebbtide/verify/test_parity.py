"""Parity between what is served and the raw events."""

import json
import math
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from benchmarks.events import generate
from ebbtide.cli import app
from ebbtide.clock import system_clock
from ebbtide.domain.event import decode
from ebbtide.jobs.progress import silent
from ebbtide.logs.archive import ArchiveWriter
from ebbtide.verify import reference
from ebbtide.verify.parity import Tally, choose, parity
from features.catalog import NAMES
from features.signals import daily
from streaming.importing.importer import open_log
from streaming.importing.mapping import parse_mapping

RETAIL = Path(__file__).parents[4] / "shared" / "data" / "online_retail.parquet"
MAPPING = parse_mapping(
    "customer=CustomerID,time=InvoiceDate,order=InvoiceNo,product=StockCode,name=Description,"
    "quantity=Quantity,price=UnitPrice"
)


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    """A file of events of all kinds: some 20 customers over 500 days."""
    path = tmp_path_factory.mktemp("events") / "shop.jsonl"
    path.write_bytes(b"\n".join(generate(5_000, 20, seed=3)))
    return path


def prove(path, mapping=None, sample=50):
    return parity(open_log(path, mapping), sample=sample, clock=system_clock, progress=silent)


def test_the_reference_computes_every_value_of_the_catalog_and_no_other():
    assert set(reference.values([], now=0.0)) == set(NAMES)


def test_what_is_served_on_the_way_equals_what_the_events_say(events):
    found = prove(events)
    assert found.worst == {}
    assert found.rate == 1.0
    ids = {decode(raw).customer for raw in events.read_bytes().splitlines()}
    assert len(ids) > 20  # some came under two
    assert found.vectors == len(ids) * 4 * 2  # slices, moments
    assert found.values == dict.fromkeys(NAMES, 1.0)


def test_customers_who_come_many_times_a_day_are_served_equally_well(tmp_path):
    path = tmp_path / "dense.jsonl"
    path.write_bytes(b"\n".join(generate(6_000, 4, seed=5, days=20.0)))
    found = prove(path)
    assert (found.rate, found.worst) == (1.0, {})


def test_a_window_that_is_one_day_short_is_found_and_nothing_else_is_blamed(events, monkeypatch):
    monkeypatch.setattr(daily, "SPANS", (1, 7, 29, *daily.SPANS[3:]))
    found = prove(events)
    assert set(found.worst) == {
        *("orders_30d", "events_30d", "active_days_30d", "spend_30d", "sessions_30d"),
        *("orders_trend_30d", "events_trend_30d", "spend_trend_30d"),
    }
    assert found.rate < 1.0
    worst = found.worst["events_30d"]
    assert worst.served == worst.recomputed - worst.by < worst.recomputed
    assert found.values["events_30d"] < 1.0 == found.values["events_90d"]


def test_an_archive_of_an_import_can_be_proved(events, tmp_path):
    with ArchiveWriter(tmp_path, "import-0001-shop") as part:
        part.write(events.read_bytes().splitlines()[:400])
    assert prove(part.path, sample=5).rate == 1.0


@pytest.mark.skipif(
    not RETAIL.exists(), reason="needs ../shared/data/online_retail.parquet beside the checkout"
)
def test_real_invoices_with_returns_and_many_orders_at_one_minute_are_equal(tmp_path):
    path = tmp_path / "retail.parquet"
    pl.read_parquet(RETAIL).head(60_000).write_parquet(path)
    found = prove(path, MAPPING, sample=100)
    assert (found.rate, found.worst) == (1.0, {})


def test_the_verb_prints_one_json_object_and_fails_on_a_difference(events, monkeypatch):
    monkeypatch.setattr(daily, "SPANS", (1, 8, *daily.SPANS[2:]))
    result = CliRunner().invoke(app, f"verify parity --events {events} --sample 9 --json")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert said["vectors"] == 9 * 4 * 2
    assert said["rate"] < 1.0
    assert said["values"]["events_total"] == 1.0 > said["values"]["events_7d"]
    assert set(said["worst"]["events_7d"]) == {"customer", "at", "served", "recomputed", "by"}


def test_a_log_of_three_events_has_moments_in_their_order(tmp_path):
    path = tmp_path / "small.jsonl"
    path.write_bytes(b"\n".join(generate(3, 1, seed=1)))
    assert prove(path).rate == 1.0


def test_two_missing_values_match_and_a_missing_one_differs_without_bound():
    tally = Tally()
    same = dict.fromkeys(NAMES, math.nan)
    tally.add("a", 0.0, list(same.values()), same)
    tally.add("b", 0.0, list(same.values()), same | {"recency_days": 3.0})
    found = tally.result()
    assert found.values["recency_days"] == 0.5
    assert (found.worst["recency_days"].customer, found.worst["recency_days"].by) == ("b", math.inf)
    assert found.rate == 1 - 0.5 / len(NAMES)


@pytest.mark.parametrize(("by", "equal"), [(1e-10, True), (1e-8, False)])
def test_the_last_digits_of_a_sum_may_differ_and_no_more(by, equal):
    tally = Tally()
    said = dict.fromkeys(NAMES, 1000.0)
    tally.add("a", 0.0, [value * (1 + by) for value in said.values()], said)
    assert (tally.result().rate == 1.0) == equal


def test_the_sample_is_the_same_each_time_and_not_the_first_ids():
    customers = {f"c{number:03}" for number in range(500)}
    chosen = choose(customers, 50)
    assert chosen == choose(customers, 100)[:50]
    assert len({customer[:2] for customer in chosen}) == 5
