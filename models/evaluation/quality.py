"""How good a model is on rows that it never saw: every metric with its interval, horizon by horizon."""

from typing import TYPE_CHECKING

from models.churn.churn import TrainedModel, label
from models.evaluation.bootstrap import intervals
from models.evaluation.evaluate import evaluate

if TYPE_CHECKING:
    import pandas as pd


def metrics(model: TrainedModel, rows: "pd.DataFrame") -> dict[str, float]:
    """Measure a model on rows of `models.churn.dataset`.

    The main horizon's metrics carry the names of `models.evaluation.evaluate`, with the ends of their 95%
    intervals as `roc_auc_low` and `roc_auc_high` (customers drawn anew); another horizon's, where its labels
    are known, end in its days, as `roc_auc_30`.

    Raises:
        ModelError: the main horizon's labels are all of one class.
    """
    main = model.artefact.main
    churned, probability = rows[label(main)].to_numpy() == 1.0, model.predict(rows)
    found = evaluate(churned, probability)
    for name, (low, high) in intervals(churned, probability, rows["customer_id"].to_numpy()).items():
        found |= {f"{name}_low": low, f"{name}_high": high}
    for days in model.artefact.days:
        known = rows[rows[label(days)].notna()]
        if days != main and known[label(days)].nunique() == 2:
            measured = evaluate(known[label(days)].to_numpy() == 1.0, model.predict(known, days))
            found |= {f"{name}_{days}": value for name, value in measured.items()}
    return found
