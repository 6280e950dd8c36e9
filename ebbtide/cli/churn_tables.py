"""The tables of `ebbtide evaluate churn`."""

from typing import Any

from rich.table import Table

from ebbtide.jobs.evaluate_churn import Evaluation
from models.evaluation.backtest import Answers
from models.evaluation.learning_curve import Point
from models.evaluation.timeline import date

HEADINGS = {
    "auc": "AUC",
    "average_precision": "av. prec.",
    "log_loss": "log loss",
    "brier": "Brier",
    "ece": "ECE",
    "lift_at_10": "lift 10%",
}


def shown(found: Evaluation, *, rolling: bool) -> list[Table]:
    """The tables of an evaluation: by cut-off if `rolling`, of all together, and what else was asked for."""
    tables = [_by_cutoff(found)] if rolling else []
    tables.append(_together(found))
    if found.learning_curve is not None:
        tables.append(_curve(found.learning_curve, found.answers[-1]))
    if found.prequential is not None:
        tables.append(_corrected(found.prequential))
    return tables


def _together(found: Evaluation) -> Table:
    """Each model's figures, and by how much Ebbtide orders the customers better."""
    table = Table(
        title=f"{found.data}: no order in {found.horizon} days, of customers with one in the {found.active} "
        f"before; {found.n:,} rows, {found.churn_rate:.1%} churned",
        title_justify="left",
    )
    table.add_column("model", no_wrap=True)
    for heading in HEADINGS.values():
        table.add_column(heading, justify="right")
    table.add_column("Ebbtide's AUC gain, 95%", no_wrap=True)
    for model in found.models:
        table.add_row(model["name"], *(f"{model[key]:.4f}" for key in HEADINGS), _gain(model))
    return table


def _gain(model: dict[str, Any]) -> str:
    if model["name"] == "ebbtide":
        return ""
    return f"{model['auc_gain']:+.4f} ({model['auc_gain_low']:+.4f} to {model['auc_gain_high']:+.4f})"


def _by_cutoff(found: Evaluation) -> Table:
    """The AUC of each model at each cut-off."""
    names = list(found.rows.said)
    table = Table(title="AUC by cut-off", title_justify="left")
    for heading in ("cut-off", "customers", "churned", *names):
        table.add_column(heading, justify="left" if heading == "cut-off" else "right")
    for each in found.cutoffs:
        auc = {model["name"]: f"{model['auc']:.4f}" for model in each["models"]}
        shown = (auc.get(name, "") for name in names)
        table.add_row(each["test_cut"], f"{each['n']:,}", f"{each['churn_rate']:.1%}", *shown)
    return table


def _curve(points: list[Point], whole: Answers) -> Table:
    """What fewer customers to learn from gave, and how far chance alone moves it."""
    table = Table(
        title=f"Learning curve: Ebbtide trained on parts of the customers, tested on the same "
        f"{len(whole.look.customers):,} on {date(whole.look.cut)}; means of several draws, lowest to highest",
        title_justify="left",
    )
    for heading in (
        "trained on",
        "draws",
        "customers",
        "rows",
        "AUC",
        "of the draws",
        "AUC, 95%",
        "log loss",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for point in points:
        table.add_row(
            "all" if point.share == 1.0 else f"1/{round(1 / point.share)}",
            *(f"{count:,}" for count in (point.draws, point.customers, point.train_rows)),
            f"{point.auc:.4f}",
            f"{point.auc_lowest:.4f} to {point.auc_highest:.4f}" if point.draws > 1 else "",
            f"{point.auc_low:.4f} to {point.auc_high:.4f}",
            f"{point.log_loss:.4f}",
        )
    return table


def _corrected(found: dict[str, Any]) -> Table:
    """The frozen model and the corrected one, judged by labels not known when they spoke."""
    table = Table(
        title=f"Online correction of a model frozen on {found['first_cut']}, asked every week until "
        f"{found['last_cut']}; {found['labels']:,} labels in order of time",
        title_justify="left",
    )
    table.add_column("model", no_wrap=True)
    for heading in ("log loss", "AUC", "Brier"):
        table.add_column(heading, justify="right")
    for name, who in (("frozen", "batch"), ("corrected", "online")):
        values = (found[f"{who}_{what}"] for what in ("log_loss", "roc_auc", "brier_score"))
        table.add_row(name, *(f"{value:.4f}" for value in values))
    return table
