"""Lines become events: those of one order one event, returns a refund, views and carts each their own."""

import polars as pl

from ebbtide.domain.event import LARGEST
from ebbtide.logs.rejected import Rejection
from streaming.importing.kinds import ORDER_COMPLETED, ORDER_REFUNDED, ORDERS
from streaming.importing.mapping import PRODUCT, Mapping
from streaming.importing.wire import LINE


def to_events(rows: pl.DataFrame, mapping: Mapping) -> pl.DataFrame:
    """Turn clean rows into events in time order, as `wire.encode` takes them.

    An order's lines share customer and order id, or customer and time where there is no order id. Its time is
    that of its first line. Lines with a negative quantity or negative money are returns: they become an
    `Order Refunded` of the same order, with positive quantities and money. Equal lines all count: a till
    does ring the same product twice.
    """
    lines = _with_money(rows)
    single = ~pl.col("event").is_in(ORDERS)
    keys = {
        "customer": pl.col("customer"),
        "event": pl.col("event"),
        "order_id": pl.col("order"),
        "moment": pl.when(pl.col("order").is_null() | single).then(pl.col("time")),
        "single": pl.when(single).then(pl.col("line")),
    }
    shown = LINE if any(role in mapping for role in PRODUCT) else ()
    events = (
        lines.sort("time", "line")
        .group_by(*(key.alias(name) for name, key in keys.items()), maintain_order=True)
        .agg(
            pl.col("time").first(),
            pl.col("line").min(),
            _total("money").alias("revenue"),
            _total("discount").alias("discount"),
            *shown,
        )
        .sort("time", "line")
    )
    return _with_nth(events)


def within_limits(events: pl.DataFrame) -> tuple[pl.DataFrame, list[Rejection]]:
    """Part events from those with a number that no event may have, by the line at which each begins."""
    sums = [name for name in ("revenue", "discount") if name in events.columns]
    lists = [name for name in ("price", "quantity") if name in events.columns]
    largest = pl.max_horizontal(*sums, *(pl.col(name).list.max() for name in lists))
    beyond = (largest > LARGEST).fill_null(value=False)
    reason = f"money or quantity beyond {LARGEST:g}"
    bad = events.filter(beyond)
    raws = bad.select("customer", *sums, *lists).iter_rows(named=True)
    refused = [Rejection(line, reason, raw) for line, raw in zip(bad["line"], raws, strict=True)]
    return events.filter(~beyond), refused


def _with_money(rows: pl.DataFrame) -> pl.DataFrame:
    units = pl.col("quantity").fill_null(1.0)
    money = pl.coalesce("value", pl.col("price") * units)
    returned = ((pl.col("quantity") < 0) | (money < 0)).fill_null(value=False)
    unit_price = pl.coalesce("price", pl.when(units != 0).then(pl.col("value") / units))
    is_order = pl.col("event") == ORDER_COMPLETED
    return rows.with_columns(
        event=pl.when(is_order & returned).then(pl.lit(ORDER_REFUNDED)).otherwise(pl.col("event")),
        money=pl.when(pl.col("event").is_in(ORDERS)).then(money),
        price=unit_price.abs().round(4),
        quantity=units.abs(),
        discount=pl.col("discount").abs(),
    )


def _total(column: str) -> pl.Expr:
    """Sum money, null where no line has any; rounded, as 0.1 + 0.2 is 0.30000000000000004."""
    known = pl.col(column).is_not_null().any()
    return pl.when(known).then(pl.col(column).sum().abs().round(4))


def _with_nth(events: pl.DataFrame) -> pl.DataFrame:
    """Add `nth`: the number of a single event among those equal in customer, kind, order, product, time."""
    same = ["customer", "event", "order_id", "time"]
    if "product" in events.columns:
        events = events.with_columns(first=pl.col("product").list.first())
        same.append("first")
    nth = pl.when(pl.col("single").is_not_null()).then(pl.int_range(pl.len()).over(same))
    return events.with_columns(nth=nth).drop("single", "moment", "first", strict=False)
