from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.importing.times import utc

MORNING = datetime(2010, 12, 1, 8, 26, tzinfo=UTC)


def read(series: pl.Series) -> list[datetime | None]:
    return utc(series).to_list()


@pytest.mark.parametrize(
    "text",
    [
        "2010-12-01 08:26:00",
        "2010-12-01 08:26",
        "2010-12-01T08:26:00Z",
        "2010-12-01T08:26Z",
        "2010-12-01T08:26:00.000+00:00",
        "2010-12-01 08:26:00 UTC",
        "2010-12-01 08:26:00+00",
        "2010-12-01T09:26:00+0100",
        "2010-12-01T00:26:00-08:00",
        "2010/12/01 08:26:00",
        "  2010-12-01 08:26:00 ",
        "1291191960",
        "1291191960.0",
        "1291191960000",
    ],
)
def test_common_ways_to_write_a_time_are_read_as_utc(text: str) -> None:
    assert read(pl.Series([text])) == [MORNING]


@pytest.mark.parametrize("text", ["2010-12-01", "2010/12/1", "20101201"])
def test_a_date_is_its_first_moment_in_utc(text: str) -> None:
    assert read(pl.Series([text])) == [datetime(2010, 12, 1, tzinfo=UTC)]


@pytest.mark.parametrize(
    "text",
    ["01/12/2010", "12/1/2010 8:26", "yesterday", "", "2010-13-01", "2010-02-30", "nan", "inf", "20101399"],
)
def test_what_is_not_a_time_is_null(text: str) -> None:
    assert read(pl.Series([text])) == [None]


def test_different_ways_to_write_times_may_stand_in_one_column() -> None:
    mixed = pl.Series(["2010-12-01", "1291191960", None, "soon", "2010-12-01T08:26Z", "2010-12-01"])
    day = datetime(2010, 12, 1, tzinfo=UTC)
    assert read(mixed) == [day, MORNING, None, None, MORNING, day]


@pytest.mark.parametrize("scale", [1, 1_000, 1_000_000, 1_000_000_000])
def test_unix_times_are_told_apart_by_magnitude(scale: int) -> None:
    assert read(pl.Series([1_291_191_960 * scale])) == [MORNING]


def test_typed_columns_are_read_as_they_are() -> None:
    assert read(pl.Series([date(2010, 12, 1)])) == [datetime(2010, 12, 1, tzinfo=UTC)]
    assert read(pl.Series([MORNING.replace(tzinfo=None)])) == [MORNING]
    assert read(pl.Series([MORNING]).dt.convert_time_zone("Asia/Tokyo")) == [MORNING]
    assert read(pl.Series([MORNING], dtype=pl.Datetime("ns", "UTC"))) == [MORNING]


@given(
    moment=st.datetimes(
        datetime(1971, 1, 1),  # noqa: DTZ001 (Hypothesis adds the zone)
        datetime(2100, 1, 1),  # noqa: DTZ001
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5))]),
    )
)
def test_any_iso_time_is_read_exactly(moment: datetime) -> None:
    assert read(pl.Series([moment.isoformat()])) == [moment]
