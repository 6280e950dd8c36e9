"""Training rows: what was known of each customer at past cut-offs, and whether they left afterwards.

The signals are point-in-time reads through Feast, of the states of the history, computed by the function
that serves (`features.profile.vector`) with `now` set to the cut-off. Labels: see `models.churn.labels`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ebbtide.errors import ModelError
from features.catalog import NAMES
from features.history import History
from models.churn.artefact import Churned
from models.churn.churn import Plan, label
from models.churn.labels import labelled

if TYPE_CHECKING:
    import feast
    import pandas as pd

SERVICE = "churn"


def training_rows(
    store: "feast.FeatureStore",
    history: History,
    cutoffs: Sequence[datetime],
    plan: Plan,
    *,
    until: datetime,
    most: int | None = None,
    advance: Callable[[int], object] = int,
) -> "pd.DataFrame":
    """Build one row per customer and cut-off at which they could leave.

    Args:
        store: Feast's, over the history.
        history: made anew with the cut-offs, and the ends of their horizons, that it has not.
        cutoffs: midnights, UTC.
        plan: horizons, active days, and what counts as churn.
        until: how far labels may look; where a horizon ends later, its label is NaN.
        most: rows at most, drawn evenly by the plan's seed; all of them if None.
        advance: told how many rows more are there.

    Returns columns `customer_id`, `cutoff` (UTC), every signal (float, NaN where missing) and `label(h)` for
    each horizon, by cut-off and customer.

    Raises:
        ModelError: Feast lost or doubled a row, or does not know a customer, or nobody could leave.
    """
    import pandas as pd

    rows = labelled(history, cutoffs, plan, until=until)
    if rows.empty:
        raise _nobody(cutoffs, plan)
    if most is not None and len(rows) > most:
        rows = rows.sample(most, random_state=plan.seed).sort_index()
    parts = []
    for cutoff, group in rows.groupby("cutoff"):
        parts.append(_signals_at(store, group["customer_id"].tolist(), cutoff))
        advance(len(group))
    known = pd.concat(parts, ignore_index=True)
    rows = rows.merge(known, on=["customer_id", "cutoff"], validate="one_to_one")
    columns = ["customer_id", "cutoff", *NAMES, *(label(days) for days in plan.days)]
    return rows.sort_values(["cutoff", "customer_id"])[columns].reset_index(drop=True)


def _nobody(cutoffs: Sequence[datetime], plan: Plan) -> ModelError:
    span = f"at {len(cutoffs)} cut-offs, {min(cutoffs):%Y-%m-%d} to {max(cutoffs):%Y-%m-%d}"
    if plan.churned is Churned.CANCEL:
        return ModelError(
            f"training: expected customers with a subscription and no cancellation, found none {span}; "
            "import a log with Subscription Started and Subscription Cancelled, or train --churned silence"
        )
    return ModelError(
        f"training: expected customers with an order in the {plan.active} days before a cut-off, found none "
        f"{span}; import a longer log, or raise --active"
    )


def _signals_at(store: "feast.FeatureStore", customers: list[str], moment: datetime) -> "pd.DataFrame":
    """Read all signals of customers as they stood at a moment.

    A moment at a time: Feast joins each customer asked about with every earlier state before it keeps the
    newest, so that all moments at once would need memory for their product.
    """
    import pandas as pd

    entities = pd.DataFrame({"customer_id": customers})
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
    unknown = int(found[list(NAMES)].isna().all(axis=1).sum())
    if unknown:
        raise ModelError(
            f"training: expected Feast to know {len(entities)} customers at {moment:%Y-%m-%d}, found "
            f"{unknown} that it does not; run `ebbtide apply`, so that it reads this working folder"
        )
    return found.rename(columns={"event_timestamp": "cutoff"}).drop(columns="now")
