"""Times as purchase logs write them, as microseconds since 1970 in UTC.

Read: dates, datetimes, ISO 8601 text (a missing zone is UTC; `2019-10-01 00:00:00 UTC` too), dates as
`20191001`, and Unix seconds, milli-, micro- or nanoseconds, told apart by magnitude. Day-first and
month-first dates (`01/12/2010`) cannot be told apart and are not read.
"""

from collections.abc import Callable
from functools import partial

import polars as pl

UTC = pl.Datetime("us", "UTC")


def utc(column: pl.Series) -> pl.Series:
    """Read a column of times as microseconds in UTC; null where one cannot be read."""
    dtype = column.dtype
    if dtype == pl.String:
        return _from_text(column)
    frame, name = column.to_frame(), column.name
    if dtype.is_numeric():
        return frame.select(_from_number(pl.col(name).cast(pl.Float64))).to_series()
    moment = pl.col(name).cast(pl.Datetime("us", getattr(dtype, "time_zone", None)))
    if getattr(dtype, "time_zone", None) is None:
        return frame.select(moment.dt.replace_time_zone("UTC")).to_series()
    return frame.select(moment.dt.convert_time_zone("UTC")).to_series()


def _zoneless(form: str, text: pl.Expr) -> pl.Expr:
    return text.str.to_datetime(form, strict=False, time_unit="us").dt.replace_time_zone("UTC")


def _zoned(form: str, text: pl.Expr) -> pl.Expr:
    return _normal(text).str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC")


def _normal(text: pl.Expr) -> pl.Expr:
    """Write dates with dashes, a space before the time, and zones as +hh:mm."""
    return (
        text.str.replace(r"^(\d{4})[-/](\d{1,2})[-/](\d{1,2})", "$1-$2-$3")
        .str.replace(r"^(\S{8,10})[Tt]", "$1 ")
        .str.replace(r"(?i)\s*(utc|gmt|z)$", "+00:00")
        .str.replace(r"(:\d{2}(?:\.\d+)?)\s*([+-]\d{2}):?(\d{2})$", "$1$2:$3")
        .str.replace(r"(:\d{2}(?:\.\d+)?)\s*([+-]\d{2})$", "$1$2:00")
    )


def _date(text: pl.Expr) -> pl.Expr:
    date = _normal(text).str.to_date("%Y-%m-%d", strict=False)
    return date.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


_READERS: tuple[Callable[[pl.Expr], pl.Expr], ...] = (
    partial(_zoneless, "%Y-%m-%d %H:%M:%S%.f"),
    partial(_zoneless, "%Y-%m-%dT%H:%M:%S%.f"),
    partial(_zoned, "%Y-%m-%d %H:%M:%S%.f%:z"),
    partial(_zoned, "%Y-%m-%d %H:%M%:z"),
    lambda text: _zoneless("%Y-%m-%d %H:%M:%S%.f", _normal(text)),
    lambda text: _zoneless("%Y-%m-%d %H:%M", _normal(text)),
    _date,
    lambda text: _from_number(text.cast(pl.Float64, strict=False)),
)
"""Ways to read a text, the common and fast ones first."""


def _from_text(column: pl.Series) -> pl.Series:
    """Read each different text once, with the first reader that understands it."""
    texts = column.str.strip_chars().alias("text").to_frame()
    rest = texts.unique().drop_nulls()
    read: list[pl.DataFrame] = [pl.DataFrame(schema={"text": pl.String, "time": UTC})]
    for reader in _READERS:
        tried = rest.with_columns(time=reader(pl.col("text")))
        read.append(tried.filter(pl.col("time").is_not_null()))
        rest = tried.filter(pl.col("time").is_null()).select("text")
        if rest.is_empty():
            break
    return texts.join(pl.concat(read), on="text", how="left", maintain_order="left")["time"]


def _from_number(number: pl.Expr) -> pl.Expr:
    size = number.abs()
    micros = (
        pl.when(size < 1e11)  # seconds until the year 5138
        .then(number * 1e6)
        .when(size < 1e14)
        .then(number * 1e3)
        .when(size < 1e17)
        .then(number)
        .when(size < 9e18)
        .then(number / 1e3)
    )
    moment = micros.round().cast(pl.Int64, strict=False).cast(pl.Datetime("us"))
    # As Unix seconds these would lie in August 1970.
    written = number.is_between(19_000_101, 21_001_231)
    date = number.cast(pl.Int64, strict=False).cast(pl.String).str.to_date("%Y%m%d", strict=False)
    chosen = pl.when(written).then(date.cast(pl.Datetime("us"))).otherwise(moment)
    return chosen.dt.replace_time_zone("UTC")
