"""`ebbtide evaluate`: how good the models are, on a log of yours, beside what the field would use."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ebbtide.cli.verbs import JsonOption, MapOption

if TYPE_CHECKING:
    from rich.table import Table

    from ebbtide.jobs.evaluate_churn import Evaluation

app = typer.Typer(no_args_is_help=True, help="Measure the models on a log of yours, beside their peers.")
HEADINGS = {
    "auc": "AUC",
    "average_precision": "av. prec.",
    "log_loss": "log loss",
    "brier": "Brier",
    "ece": "ECE",
    "lift_at_10": "lift 10%",
}


@app.command(
    "churn",
    epilog="Example: ebbtide evaluate churn shop.csv --map customer=ID,time=DATE,order=NO,value=SUM "
    "--horizon 60 --active 120 --rolling --plot churn.png",
)
def churn(
    file: Annotated[Path, typer.Argument(help="A log, as `ebbtide import` takes it.")],
    mapping: MapOption = None,
    horizon: Annotated[
        int | None, typer.Option(min=1, help="Days ahead within which a silent customer has churned.")
    ] = None,
    active: Annotated[
        int | None, typer.Option(min=1, help="Days back within which a customer counts as active.")
    ] = None,
    rolling: Annotated[
        bool, typer.Option("--rolling", help="Test every two weeks over the last third of the log.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw the result into a PNG file.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Train on earlier cut-offs of a log, test on the last possible one, and compare with five peers.

    The test cut-off is the midnight after the log's last day, less the horizon. All customers with an order
    in the days before it are tested on; those without one in the horizon after it have churned. Nothing is
    kept: neither features nor the model.
    """
    from ebbtide import console
    from ebbtide.clock import system_clock
    from ebbtide.errors import InputError
    from ebbtide.jobs.evaluate_churn import evaluate_churn
    from ebbtide.settings import load
    from streaming.importing.importer import open_log
    from streaming.importing.mapping import parse_mapping

    if plot is not None and not plot.parent.is_dir():
        raise InputError(f"--plot {plot}: expected a folder to write to, found none; make {plot.parent}")
    settings = load()
    log = open_log(file, parse_mapping(mapping) if mapping else None)
    found = evaluate_churn(
        log,
        horizon=horizon or settings.horizon,
        active=active or settings.active,
        rolling=rolling,
        clock=system_clock,
        progress=console.bar,
    )
    if plot is not None:
        from models.backtest_plot import drawn

        drawn(found.rows, found.answers, found.horizon, found.data).savefig(plot, format="png")
    if json:
        console.print_json(found.public(rolling=rolling))
        return
    if rolling:
        console.out.print(_by_cutoff(found))
    console.out.print(_table(found))
    for name, why in found.failed.items():
        console.out.print(f"{name}: no figures, {why}", markup=False)
    for note in found.notes:
        console.out.print(note, markup=False)


def _table(found: "Evaluation") -> "Table":
    """Each model's figures, and by how much Ebbtide orders the customers better."""
    from rich.table import Table

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


def _by_cutoff(found: "Evaluation") -> "Table":
    """The AUC of each model at each cut-off."""
    from rich.table import Table

    names = list(found.rows.said)
    table = Table(title="AUC by cut-off", title_justify="left")
    for heading in ("cut-off", "customers", "churned", *names):
        table.add_column(heading, justify="left" if heading == "cut-off" else "right")
    for each in found.cutoffs:
        auc = {model["name"]: f"{model['auc']:.4f}" for model in each["models"]}
        shown = (auc.get(name, "") for name in names)
        table.add_row(each["test_cut"], f"{each['n']:,}", f"{each['churn_rate']:.1%}", *shown)
    return table
