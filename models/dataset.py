"""Training rows: what was known of each customer at past cut-offs, and whether they left afterwards.

Both sides are point-in-time reads through Feast, of the states that the stream wrote. Signals and label come
from the same function that serves (`features.profile.vector`), with `now` set to the moment asked about.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ebbtide.errors import ModelError
from features.catalog import NAMES

if TYPE_CHECKING:
    import feast
    import pandas as pd

DAY = 86_400.0
SERVICE = "churn"
MOST_CUTOFFS = 12
"""Training cut-offs at most; older ones tell of another time, and cost as much."""


@dataclass(frozen=True)
class Cutoffs:
    """Midnights, UTC: those to train on, oldest first, and a later one to test on."""

    train: tuple[datetime, ...]
    test: datetime

    @property
    def every(self) -> tuple[datetime, ...]:
        """All of them, oldest first."""
        return (*self.train, self.test)


def cutoffs(first: float, last: float, *, horizon: int, step_days: int = 30) -> Cutoffs:
    """Choose the cut-offs for a log from `first` to `last` (Unix seconds), for a horizon in days.

    The test cut-off is the latest whose horizon has passed. Training cut-offs end one horizon before it, so
    that no training label looks past it, and go back by `step_days`, down to one horizon after the log began,
    before which too little is known of anyone.

    Raises:
        ModelError: the log is too short for one cut-off of each kind.
    """
    span = timedelta(days=horizon)
    begin, end = (datetime.fromtimestamp(moment, UTC) for moment in (first, last))
    test = (end - span).replace(hour=0, minute=0, second=0, microsecond=0)
    found = [test - span - step * timedelta(days=step_days) for step in range(MOST_CUTOFFS)]
    train = tuple(sorted(cutoff for cutoff in found if cutoff >= begin + span))
    if not train:
        raise ModelError(
            f"training: expected a log of at least {3 * horizon + 1} days (three horizons); "
            f"found {(last - first) / DAY:.0f} days, {begin:%Y-%m-%d} to {end:%Y-%m-%d}; "
            "import a longer log, or choose a shorter --horizon"
        )
    return Cutoffs(train, test)


def training_rows(
    store: "feast.FeatureStore",
    customers: Sequence[str],
    cutoffs: Sequence[datetime],
    *,
    horizon: int,
    active: int,
) -> "pd.DataFrame":
    """Build one row per customer and cut-off at which they were active.

    Active: an order in the `active` days before the cut-off. Churned: no order in the `horizon` days after.
    Returns columns `customer_id`, `cutoff` (UTC), every signal (float, NaN where missing), `churned` (bool),
    by cut-off and customer.

    Raises:
        ModelError: Feast lost or doubled a row, or nobody was active.
    """
    import pandas as pd

    span = timedelta(days=horizon)
    moments = sorted({*cutoffs, *(cutoff + span for cutoff in cutoffs)})
    known = _signals_at(store, customers, moments)
    ends = known[["customer_id", "event_timestamp", "recency_days"]].rename(
        columns={"recency_days": "at_end"}
    )
    ends["event_timestamp"] -= pd.Timedelta(span)
    rows = known[known["event_timestamp"].isin(list(cutoffs)) & (known["recency_days"] <= active)]
    rows = rows.merge(ends, on=["customer_id", "event_timestamp"], validate="one_to_one")
    if rows.empty:
        raise ModelError(
            f"training: expected customers with an order in the {active} days before a cut-off, found none "
            f"among {len(customers)} customers at {len(cutoffs)} cut-offs; import a longer log, "
            "or raise --active"
        )
    # The last order is later than the cut-off exactly if it is younger than the horizon.
    rows["churned"] = ~(rows["at_end"] < horizon)
    rows = rows.rename(columns={"event_timestamp": "cutoff"}).sort_values(["cutoff", "customer_id"])
    return rows[["customer_id", "cutoff", *NAMES, "churned"]].reset_index(drop=True)


def _signals_at(
    store: "feast.FeatureStore", customers: Sequence[str], moments: Sequence[datetime]
) -> "pd.DataFrame":
    """Read all signals of all customers as they stood at each moment.

    A moment at a time: Feast joins each customer asked about with every earlier state before it keeps the
    newest, so that all moments at once would need memory for their product.
    """
    import pandas as pd

    return pd.concat([_signals_at_one(store, customers, moment) for moment in moments], ignore_index=True)


def _signals_at_one(
    store: "feast.FeatureStore", customers: Sequence[str], moment: datetime
) -> "pd.DataFrame":
    import pandas as pd

    entities = pd.DataFrame({"customer_id": list(customers)})
    entities["event_timestamp"] = pd.Series([moment] * len(entities)).astype("datetime64[us, UTC]")
    entities["now"] = moment.timestamp()
    found = store.get_historical_features(
        entity_df=entities, features=store.get_feature_service(SERVICE)
    ).to_df()
    found["event_timestamp"] = found["event_timestamp"].astype("datetime64[us, UTC]")
    lost = len(entities) - len(found.drop_duplicates(["event_timestamp", "customer_id"]))
    if lost or len(found) != len(entities):
        raise ModelError(
            f"training: expected {len(entities)} rows from Feast, found {len(found)}, with {lost} missing; "
            "use its DuckDB offline store (others drop rows)"
        )
    return found
