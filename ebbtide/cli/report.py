"""`ebbtide report`: for whoever answers for the result."""

from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ebbtide.cli.verbs import JsonOption, _opened

if TYPE_CHECKING:
    from rich.table import Table

    from ebbtide.jobs.report import LiftReport
    from models.actions.lift import Lift

app = typer.Typer(no_args_is_help=True, help="Show whether the actions help.")


@app.callback()
def _group() -> None:
    pass


@app.command("lift", epilog="Example: ebbtide report lift --since 2026-01-01 --plot lift.html")
def lift(
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="When the hold-out began. Unset: with the oldest decision."),
    ] = None,
    horizon: Annotated[
        int | None, typer.Option(min=1, help="Days that each customer is followed. Unset: as set for churn.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw it into a PNG or HTML file.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Compare customers who may get actions with those held out: how many stay, and what they spend.

    The range holds for all looks together: look any day, as often as you like, and stop when you have seen
    enough.
    """
    from ebbtide import console
    from ebbtide.clock import system_clock
    from ebbtide.jobs import report

    began = None if since is None else since.replace(tzinfo=UTC).timestamp()
    with _opened() as (settings, _, client):
        found = report.lift(
            settings, client, now=system_clock(), progress=console.bar, since=began, horizon=horizon
        )
    if plot is not None:
        report.write_plot(found, plot)
    if json:
        console.print_json(found.public())
        return
    console.out.print(_table(found))
    for what, each in (("retained customers", found.retained), ("money", found.money)):
        console.out.print(_sentence(what, each), markup=False)


def _table(found: "LiftReport") -> "Table":
    from rich.table import Table

    table = Table(
        title=f"{found.retained.customers:,} customers who came in from {found.since[:10]} on, each over "
        f"{found.horizon} days; {found.retained.held_out:,} of them held out",
        title_justify="left",
    )
    table.add_column("per customer")
    for heading in ("treated", "held out", "lift", "range at any time, 95%"):
        table.add_column(heading, justify="right", no_wrap=True)
    for what, each, form in (
        ("share with an order", found.retained, "{:+.2%}"),
        ("money", found.money, "{:+,.2f}"),
    ):
        known = isfinite(each.low)
        ends = f"{form.format(each.low)} to {form.format(each.high)}" if known else "not yet"
        means = (form.replace("+", "").format(value) for value in (each.treated_mean, each.held_out_mean))
        shown = (*means, form.format(each.lift)) if each.customers else ("", "", "")
        table.add_row(what, *shown, ends)
    return table


def _sentence(what: str, found: "Lift") -> str:
    from models.actions.lift import FEWEST

    if found.held_out < FEWEST:
        return f"{what}: too early, expected at least {FEWEST} customers held out, found {found.held_out}"
    if not found.proven:
        return f"{what}: not proven yet, the range holds 0; look again whenever you like"
    return f"{what}: proven {'better' if found.lift > 0.0 else 'worse'} than doing nothing"
