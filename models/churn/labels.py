"""Who could leave at a cut-off, and whether they did: read from the history by point-in-time joins.

The history is asked for the cut-offs and for the ends of their horizons. The last state at or before a moment
says all that is needed. With silence as churn it is the last order: who has one within the active days before
a cut-off could leave, and stayed if, a horizon later, there is one after the cut-off. With cancellations it
is the last of those, or of the requests for one: who was subscribed and had not asked could leave, and left
if there is one after the cut-off.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from features import profile
from features.catalog import SIGNALS
from features.history import History
from models.churn.artefact import Churned
from models.churn.churn import Plan, label

if TYPE_CHECKING:
    import pandas as pd

_RECENCY, _SUBSCRIPTION = (tuple(SIGNALS).index(name) for name in ("recency", "subscription"))
_ASKED, _SUBSCRIBED = (
    tuple(SIGNALS["subscription"].VALUES).index(name) for name in ("cancellation_asked", "subscribed")
)
_MICROS = 1_000_000
_DAY_MICROS = 86_400 * _MICROS

_TOLD = pa.schema(
    [("customer_id", pa.string()), ("moment", pa.int64()), ("last", pa.float64()), ("inside", pa.bool_())]
)
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


def moments(cutoffs: Sequence[datetime], plan: Plan, *, until: datetime) -> Iterator[float]:
    """The moments at which the history must be exact for labels of these cut-offs, in Unix seconds."""
    for cutoff in cutoffs:
        yield cutoff.timestamp()
        for days in plan.days:
            if cutoff + timedelta(days=days) <= until:
                yield (cutoff + timedelta(days=days)).timestamp()


def labelled(history: History, cutoffs: Sequence[datetime], plan: Plan, *, until: datetime) -> "pd.DataFrame":
    """Give a row per customer and cut-off at which they could leave, with a label per horizon of the plan.

    Returns columns `customer_id`, `cutoff` (datetime64[us, UTC]) and `label(h)` for each horizon: 1.0 for
    churned, 0.0 for stayed, NaN where the horizon ends after `until`; by cut-off and customer.
    """
    import duckdb
    import pandas as pd

    history.include(moments(cutoffs, plan, until=until))
    states = _states(history, plan.churned)
    micros = [round(cutoff.timestamp()) * _MICROS for cutoff in cutoffs]
    with duckdb.connect() as database:
        database.register("states", states)
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


def _states(history: History, churned: Churned) -> pa.Table:
    """Give what each state says: `customer_id`, `moment`, `last` and `inside`.

    `moment` is in microseconds, `last` in seconds: minus infinity for never, and null for a customer that
    turned out to be another.
    """
    found = []
    tell = _silence if churned is Churned.SILENCE else _cancel
    for batch in pq.ParquetFile(history.file).iter_batches():
        told = [tell(profile.decode(raw)) for raw in batch["state"].to_pylist()]
        columns = [
            batch["customer_id"],
            batch["event_timestamp"].cast(pa.int64()),
            pa.array([last for last, _ in told], pa.float64()),
            pa.array([inside for _, inside in told], pa.bool_()),
        ]
        found.append(pa.record_batch(columns, schema=_TOLD))
    return pa.Table.from_batches(found, schema=_TOLD)


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
