"""Columns made clean: text ids, UTC times, numbers; and what is wrong with each row that cannot be used.

A clean frame has `line`, `customer` (text), `time` (UTC), `event` (a name of the specification) and every
other role, null where the log has no such column or an empty field.
"""

import polars as pl

from ebbtide.domain.ingest import FUTURE_TOLERANCE
from ebbtide.logs.rejected import Rejection
from streaming.importing.kinds import ORDER_COMPLETED, segment_name
from streaming.importing.mapping import NUMBERS, ROLES, Mapping
from streaming.importing.times import UTC, utc

_IDS = ("customer", "order", "product")


def clean(frame: pl.DataFrame, mapping: Mapping, *, latest: float) -> tuple[pl.DataFrame, list[Rejection]]:
    """Split rows into those that can be used, cleaned, and rejections that hold the mapped columns as found.

    `latest`: Unix seconds; a time later than an hour after it lies in the future.
    """
    given = {role: _cleaned(frame, role) for role in mapping.columns}
    absent: dict[str, pl.Expr | pl.Series] = {
        role: pl.lit(None, pl.Float64 if role in NUMBERS else pl.String) for role in ROLES
    }
    absent["event"] = pl.lit(ORDER_COMPLETED)
    rows = frame.select("line", **(absent | given))
    found = frame.select(_present(frame, role).name.prefix("found ") for role in mapping.columns)
    faults = _faults(mapping, latest)
    reasons = pl.concat([rows, found], how="horizontal").select(reason=pl.coalesce(*faults)).to_series()
    return rows.filter(reasons.is_null()), _rejections(frame, mapping, reasons)


def _rejections(frame: pl.DataFrame, mapping: Mapping, reasons: pl.Series) -> list[Rejection]:
    refused = reasons.is_not_null()
    bad = frame.filter(refused)
    raw = bad.select(pl.col(role).alias(column) for role, column in mapping.columns.items())
    return list(map(Rejection, bad["line"], reasons.filter(refused), raw.iter_rows(named=True)))


def _faults(mapping: Mapping, latest: float) -> list[pl.Expr]:
    """Each expression is a reason where a row has that fault, else null; the first one counts."""

    def fault(condition: pl.Expr, reason: str) -> pl.Expr:
        return pl.when(condition).then(pl.lit(reason))

    limit = pl.lit(int((latest + FUTURE_TOLERANCE) * 1e6)).cast(UTC)
    faults = [
        fault(pl.col("customer").is_null(), "no customer"),
        fault(~pl.col("found time"), "no time"),
        fault(pl.col("time").is_null(), "time not understood"),
        fault(pl.col("time") > limit, "time in the future"),
        fault(pl.col("time") < pl.lit(0).cast(UTC), "time before 1970"),
    ]
    for role in NUMBERS:
        if role in mapping:
            number = pl.col(role)
            bad = number.is_null() | ~number.is_finite()
            faults.append(fault(pl.col(f"found {role}") & bad, f"{role} is not a number"))
    if "event" in mapping:
        faults.append(fault(pl.col("event").is_null(), "unknown event"))
    return faults


def _present(frame: pl.DataFrame, role: str) -> pl.Expr:
    column, dtype = pl.col(role), frame.schema[role]
    if dtype == pl.String:
        return column.str.strip_chars().fill_null("") != ""
    return (column.fill_nan(None) if dtype.is_float() else column).is_not_null()


def _cleaned(frame: pl.DataFrame, role: str) -> pl.Expr | pl.Series:
    column, dtype = pl.col(role), frame.schema[role]
    if role == "time":
        return utc(frame[role])
    if role in NUMBERS:
        plain = column.str.strip_chars() if dtype == pl.String else column
        return plain.cast(pl.Float64, strict=False).fill_nan(None)
    if role == "event":
        kinds = frame.select(_text(column, dtype)).to_series().unique().drop_nulls()
        names = {kind: segment_name(kind) for kind in kinds}
        return _text(column, dtype).replace_strict(names, default=None, return_dtype=pl.String)
    text = _text(column, dtype)
    return _without_decimals(text) if role in _IDS and dtype == pl.String else text


def _text(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype.is_float():
        # Ids become floats where a table has gaps: 17850.0 is 17850.
        whole = column.is_finite() & (column == column.floor()) & (column.abs() < 2**63)
        text = pl.when(whole).then(column.cast(pl.Int64, strict=False).cast(pl.String))
        return text.when(column.is_not_nan()).then(column.cast(pl.String))
    stripped = column.cast(pl.String).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def _without_decimals(text: pl.Expr) -> pl.Expr:
    """Drop `.0` if every id of the column ends so: a column of floats written as text."""
    decimal = text.str.contains(r"^\d+\.0$")
    return pl.when(decimal.all()).then(text.str.strip_suffix(".0")).otherwise(text)
