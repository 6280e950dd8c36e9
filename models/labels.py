"""Who could leave at a cut-off, and whether they did: read from the history by point-in-time joins.

The last state at or before a moment says all that is needed. With silence as churn it is the last order: who
has one within the active days before a cut-off could leave, and stayed if, a horizon later, there is one
after the cut-off. With cancellations it is the last of those, or of the requests for one: who was subscribed
and had not asked could leave, and left if there is one after the cut-off.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from features import history, profile
from features.catalog import SIGNALS
from models.artefact import Churned
from models.churn import Plan, label

if TYPE_CHECKING:
    import pandas as pd

_RECENCY, _SUBSCRIPTION = (tuple(SIGNALS).index(name) for name in ("recency", "subscription"))
_ASKED, _SUBSCRIBED = (
    tuple(SIGNALS["subscription"].VALUES).index(name) for name in ("cancellation_asked", "subscribed")
)
_MICROS = 1_000_000
_DAY_MICROS = 86_400 * _MICROS

_AT_CUTOFF = """
    SELECT asked.customer_id, asked.cutoff
    FROM (FROM (SELECT DISTINCT customer_id FROM states), cuts) asked
    ASOF JOIN states ON asked.customer_id = states.customer_id AND asked.cutoff >= states.moment
    WHERE states.inside AND (asked.cutoff / 1e6 - states.last) / 86400.0 <= $active
    ORDER BY asked.cutoff, asked.customer_id
"""
_AT_HORIZON = """
    SELECT asked.customer_id, asked.cutoff, asked.days, states.last > asked.cutoff / 1e6 AS happened
    FROM (FROM population, horizons WHERE cutoff + days * $day <= $until) asked
    ASOF JOIN states
    ON asked.customer_id = states.customer_id AND asked.cutoff + asked.days * $day >= states.moment
"""


def labelled(folder: Path, cutoffs: Sequence[datetime], plan: Plan, *, until: datetime) -> "pd.DataFrame":
    """Give a row per customer and cut-off at which they could leave, with a label per horizon of the plan.

    Returns columns `customer_id`, `cutoff` (datetime64[us, UTC]) and `label(h)` for each horizon: 1.0 for
    churned, 0.0 for stayed, NaN where the horizon ends after `until`; by cut-off and customer.
    """
    import duckdb
    import pandas as pd

    states = _states(folder, plan.churned)
    micros = [round(cutoff.timestamp()) * _MICROS for cutoff in cutoffs]
    with duckdb.connect() as database:
        database.register("held", states)
        # Of states alike in time, the one made last holds.
        database.execute(
            "CREATE TABLE states AS FROM held "
            "QUALIFY row_number() OVER (PARTITION BY customer_id, moment ORDER BY created DESC) = 1"
        )
        database.register("cuts", pa.table({"cutoff": micros}))
        database.register("horizons", pa.table({"days": list(plan.days)}))
        # Whoever pays by contract is with us for as long as it runs, with orders or without.
        active = plan.active if plan.churned is Churned.SILENCE else float("inf")
        rows: pd.DataFrame = database.execute(_AT_CUTOFF, {"active": active}).df()
        database.register("population", rows)
        limit = round(until.timestamp()) * _MICROS
        ends = database.execute(_AT_HORIZON, {"day": _DAY_MICROS, "until": limit}).df()
    for days in plan.days:
        happened = ends[ends["days"] == days].set_index(["customer_id", "cutoff"])["happened"].astype(float)
        found = happened if plan.churned is Churned.CANCEL else 1.0 - happened
        rows = rows.join(found.rename(label(days)), on=["customer_id", "cutoff"])
    rows["cutoff"] = pd.to_datetime(rows["cutoff"], unit="us", utc=True).astype("datetime64[us, UTC]")
    return rows


def _states(folder: Path, churned: Churned) -> pa.Table:
    """Give what each state says: `customer_id`, `moment`, `created`, `last` and `inside`.

    `moment` and `created` are in microseconds, `last` in seconds: minus infinity for never, and null for a
    customer that turned out to be another.
    """
    found = []
    tell = _silence if churned is Churned.SILENCE else _cancel
    for path in history.parts(folder):
        for batch in pq.ParquetFile(path).iter_batches():
            told = [tell(profile.decode(raw)) for raw in batch["state"].to_pylist()]
            columns = {
                "customer_id": batch["customer_id"].cast(pa.string()),
                "moment": batch["event_timestamp"].cast(pa.int64()),
                "created": batch["created"].cast(pa.int64()),
                "last": pa.array([last for last, _ in told], pa.float64()),
                "inside": pa.array([inside for _, inside in told], pa.bool_()),
            }
            found.append(pa.table(columns))
    return pa.concat_tables(found)


def _silence(state: profile.State) -> tuple[float | None, bool]:
    own = state.signals[_RECENCY]
    if state.merged_into or own is None:
        return (None if state.merged_into else float("-inf")), False
    return own.last, own.last > float("-inf")


def _cancel(state: profile.State) -> tuple[float | None, bool]:
    own = state.signals[_SUBSCRIPTION]
    if state.merged_into or own is None:
        return (None if state.merged_into else float("-inf")), False
    values = SIGNALS["subscription"].value(own, state.last_at)
    return max(own.asked_at, own.cancelled_at), values[_SUBSCRIBED] == 1.0 and values[_ASKED] == 0.0
