"""A back-test: at each test cut-off train on what was known then, answer, and see who was right.

Ebbtide's model and its peers learn from the same rows and answer for the same customers. All customers active
at a cut-off are tested on; where there are very many, fewer of them train.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ebbtide.errors import ModelError
from features.catalog import NAMES, VERSION
from models.churn.churn import Plan, TrainedModel, label, train
from models.churn.curve import ChurnCurve
from models.evaluation.bootstrap import SAMPLES, intervals, paired_gain
from models.evaluation.evaluate import Labels, Probabilities, evaluate
from models.evaluation.peers import PEERS, Past
from models.evaluation.timeline import Look, Schedule, Stop, date

Array = NDArray[np.float64]

OURS = "ebbtide"
KEYS = {
    "auc": "roc_auc",
    "average_precision": "average_precision",
    "log_loss": "log_loss",
    "brier": "brier_score",
    "ece": "expected_calibration_error",
    "lift_at_10": "lift_at_10",
}
"""The figures of a table, and their names in `models.evaluation.evaluate`."""
MOST_DRAWN = 50_000_000
"""Rows in all draws of an interval: from 100,000 rows on it is narrow, and fewer draws tell its ends."""
LEAST_SAMPLES = 100


@dataclass(frozen=True)
class Answers:
    """What each model said at a cut-off, probabilities of shape (n,) by name, and why others said nothing.

    The look has no signals any more.
    """

    look: Look
    rows: int
    said: dict[str, Probabilities]
    failed: dict[str, str]


@dataclass(frozen=True)
class Rows:
    """The answers of several cut-offs together: whose row, label and probabilities by model, shape (n,)."""

    customers: NDArray[np.str_]
    churned: Labels
    said: dict[str, Probabilities]


def answer(stop: Stop, planned: Schedule) -> Answers:
    """Train on the past of a stop, and answer for its customers.

    Raises:
        ModelError: nobody is active, or the past holds too little to train on. If a peer fails, the answers
            say why.
    """
    asked = stop.asked
    if not len(asked.customers):
        raise ModelError(
            f"evaluation: expected customers with an order in the {planned.active} days before "
            f"{date(asked.cut)}, found none; raise --active"
        )
    model = trained(stop.past, planned)
    said, failed = {OURS: ChurnCurve(model.artefact).predict_many(asked.matrix)[:, 0]}, {}
    past = Past(*_rows(stop.past, planned.horizon), stop.everyone, planned.horizon)
    for name, peer in PEERS.items():
        try:
            said[name] = peer(past, asked.matrix)
        except ModelError as error:
            failed[name] = str(error)
    return Answers(replace(asked, matrix=np.empty((0, len(NAMES)))), len(past.churned), said, failed)


def trained(past: Sequence[Look], planned: Schedule) -> TrainedModel:
    """Train on past looks, as `ebbtide train` does, for the horizon alone.

    Raises:
        ModelError: they hold too few customers, or too few who left or stayed.
    """
    plan = Plan(main=planned.horizon, active=planned.active, horizons=())
    return train(_frame(past, planned.horizon), NAMES, VERSION, plan)


def pooled(answers: Sequence[Answers], horizon: int) -> Rows:
    """Put the rows of cut-offs together; a model that failed at one of them is left out."""
    names = [name for name in (OURS, *PEERS) if all(name in each.said for each in answers)]
    return Rows(
        np.concatenate([each.look.customers for each in answers]),
        np.concatenate([each.look.churned(horizon) for each in answers]),
        {name: np.concatenate([each.said[name] for each in answers]) for name in names},
    )


def figures(rows: Rows) -> list[dict[str, Any]]:
    """Each model's name and figures (see `KEYS`), Ebbtide's own first.

    Raises:
        ModelError: all customers churned, or none.
    """
    found: list[dict[str, Any]] = []
    for name, said in rows.said.items():
        measured = evaluate(rows.churned, said)
        found.append({"name": name, **{key: measured[metric] for key, metric in KEYS.items()}})
    return found


def with_intervals(models: list[dict[str, Any]], rows: Rows, advance: Callable[[int], None]) -> None:
    """Add the 95% intervals of AUC and log loss, and by how much Ebbtide's AUC is higher, with its own."""
    samples = samples_of(len(rows.churned))
    for model in models:
        said = rows.said[model["name"]]
        ends = intervals(rows.churned, said, rows.customers, ["roc_auc", "log_loss"], samples)
        model["auc_low"], model["auc_high"] = ends["roc_auc"]
        model["log_loss_low"], model["log_loss_high"] = ends["log_loss"]
        gain = paired_gain(rows.churned, rows.said[OURS], said, rows.customers, samples=samples)
        model["auc_gain"], model["auc_gain_low"], model["auc_gain_high"] = gain
        advance(1)


def samples_of(rows: int) -> int:
    """How often to draw for an interval over so many rows."""
    return max(LEAST_SAMPLES, min(SAMPLES, MOST_DRAWN // rows))


def _rows(past: Sequence[Look], horizon: int) -> tuple[Array, Labels]:
    """The signals of all looks, shape (n, signals), and who churned, shape (n,)."""
    churned = np.concatenate([look.churned(horizon) for look in past])
    return np.vstack([look.matrix for look in past]), churned


def _frame(past: Sequence[Look], horizon: int) -> pd.DataFrame:
    """The rows as `models.churn.churn` takes them."""
    matrix, churned = _rows(past, horizon)
    frame = pd.DataFrame(matrix, columns=list(NAMES), copy=False)
    frame["customer_id"] = np.concatenate([look.customers for look in past])
    cuts = np.concatenate([np.full(len(look.customers), look.cut) for look in past])
    frame["cutoff"] = pd.to_datetime(cuts, unit="s", utc=True).astype("datetime64[us, UTC]")
    frame[label(horizon)] = churned.astype(float)
    return frame
