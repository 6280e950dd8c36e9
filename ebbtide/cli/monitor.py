"""`ebbtide monitor`: whether the champion still fits the customers there are."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ebbtide.cli.verbs import JsonOption, _opened

if TYPE_CHECKING:
    from rich.table import Table

    from ebbtide.jobs.monitor import Monitoring

SHOWN = 10


def monitor(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the report page (HTML) here.")
    ] = None,
    sample: Annotated[int, typer.Option(min=100, help="Customers of today to look at.")] = 5_000,
    json: JsonOption = False,
) -> None:
    """Look at drift: signals against training, labels that came due, and the loss in the stream.

    The figures and the page are also kept as a run in MLflow.
    """
    from ebbtide import console
    from ebbtide.clock import system_clock
    from ebbtide.jobs.monitor import monitor as run

    with _opened() as (settings, url, client):
        found, page = run(settings, client, url, now=system_clock(), progress=console.bar, sample=sample)
    if out is not None:
        out.write_text(page, encoding="utf-8")
    if json:
        console.print_json(found.public())
        return
    console.out.print(_stability(found))
    if found.calibration:
        console.out.print(_calibration(found))
    for sentence in found.sentences():
        console.out.print(sentence, markup=False)
    if out is not None:
        console.out.print(f"report: {out}", markup=False, soft_wrap=True)


def _stability(found: "Monitoring") -> "Table":
    from rich.table import Table

    from models.drift.drift import level

    table = Table(
        title=f"{found.version}: {found.rows:,} customers on {found.at} against {found.trained_rows:,} rows "
        "of the training",
        title_justify="left",
    )
    table.add_column("signal, least stable first")
    table.add_column("stability index", justify="right")
    table.add_column("")
    for name, index in list(found.stability.items())[:SHOWN]:
        table.add_row(name, f"{index:.3f}", level(index))
    return table


def _calibration(found: "Monitoring") -> "Table":
    from rich.table import Table

    table = Table(title=f"Said and came, within {found.horizon} days", title_justify="left")
    for heading in ("cut-off", "customers", "said", "came", "came - said, 95%", "log loss"):
        table.add_column(heading, justify="left" if heading == "cut-off" else "right")
    for each in found.calibration:
        table.add_row(
            *(each.cutoff, f"{each.rows:,}", f"{each.said:.3f}", f"{each.seen:.3f}"),
            *(f"{each.low:+.3f} to {each.high:+.3f}", f"{each.log_loss:.4f}"),
        )
    return table
