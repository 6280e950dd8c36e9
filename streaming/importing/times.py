"""Times as purchase logs write them, as microseconds since 1970 in UTC.

Read: dates, datetimes, ISO 8601 text (a missing zone is UTC; `2019-10-01 00:00:00 UTC` too), dates as
`20191001`, and Unix seconds, milli-, micro- or nanoseconds, told apart by magnitude. Day-first and
month-first dates (`01/12/2010`) cannot be told apart and are not read.
"""

import polars as pl

UTC = pl.Datetime("us", "UTC")
_ZONED = ("%Y-%m-%d %H:%M:%S%.f%:z", "%Y-%m-%d %H:%M%:z")
_ZONELESS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M")


def utc(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Read a column of times; null where one cannot be read."""
    if isinstance(dtype, pl.Datetime):
        aware = column if dtype.time_zone else column.dt.replace_time_zone("UTC")
        return aware.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    if dtype == pl.Date:
        return column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if dtype.is_numeric():
        return _from_number(column.cast(pl.Float64))
    return _from_text(column.cast(pl.String).str.strip_chars())


def _from_text(text: pl.Expr) -> pl.Expr:
    iso = (
        text.str.replace(r"^(\d{4})[-/](\d{1,2})[-/](\d{1,2})", "$1-$2-$3")
        .str.replace(r"^(\S{8,10})[Tt]", "$1 ")
        .str.replace(r"(?i)\s*(utc|gmt|z)$", "+00:00")
        .str.replace(r"(:\d{2}(?:\.\d+)?)\s*([+-]\d{2}):?(\d{2})$", "$1$2:$3")
        .str.replace(r"(:\d{2}(?:\.\d+)?)\s*([+-]\d{2})$", "$1$2:00")
    )
    zoned = [iso.str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC") for form in _ZONED]
    zoneless = [iso.str.to_datetime(form, strict=False, time_unit="us") for form in _ZONELESS]
    zoneless.append(iso.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us")))
    number = _from_number(text.cast(pl.Float64, strict=False))
    return pl.coalesce(*zoned, *(each.dt.replace_time_zone("UTC") for each in zoneless), number)


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
