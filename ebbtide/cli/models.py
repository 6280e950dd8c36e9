"""`ebbtide models`: which model serves, whether another is better, and what served when."""

from typing import TYPE_CHECKING, Annotated

import typer

from ebbtide.cli.verbs import JsonOption, _opened

if TYPE_CHECKING:
    from rich.table import Table

    from ebbtide.jobs.models import Compared
    from models.registry.aliases import Move
    from models.registry.promotion import Order, Version

app = typer.Typer(no_args_is_help=True, help="See which churn model serves; compare, promote, roll back.")
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept in the history.")]
ByOption = Annotated[
    str | None, typer.Option("--by", help="Who does it; kept in the history. Unset: your user name.")
]


@app.command("list", epilog="Example: ebbtide models list --json")
def list_(json: JsonOption = False) -> None:
    """List every version: aliases, horizon, quality on its test cut-off, catalog, when it was trained."""
    from ebbtide import console
    from ebbtide.jobs.models import registry
    from ebbtide.settings import load
    from models.registry.promotion import versions

    found = versions(registry(load()))
    if json:
        console.print_json(found)
    elif found:
        console.out.print(_versions(found))
    else:
        console.out.print("no models yet: run `ebbtide train`")


@app.command("compare", epilog="Example: ebbtide models compare champion challenger")
def compare(
    first: Annotated[str, typer.Argument(help="A version or alias, the one to beat.")] = "champion",
    second: Annotated[str, typer.Argument(help="A version or alias, the one that would.")] = "challenger",
    json: JsonOption = False,
) -> None:
    """Compare two models on the same customers, at a cut-off later than the training of both.

    Gains are paired, with intervals from 500 draws of as many customers, with replacement.
    """
    from ebbtide import console
    from ebbtide.jobs.models import compare as run

    with _opened() as (settings, url, _):
        found = run(settings, url, first, second, console.bar)
    if json:
        console.print_json(found.public())
    else:
        console.out.print(_comparison(found))


@app.command("promote", epilog="Example: ebbtide models promote challenger")
def promote(
    version: Annotated[str, typer.Argument(help="A version, or challenger.")] = "challenger",
    force: Annotated[bool, typer.Option("--force", help="Without comparing; needs --reason.")] = False,
    reason: ReasonOption = "",
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Make a version the champion: API and stream use it within seconds, without a restart.

    It must be better than the champion beyond chance: the interval of its gain in log loss lies above 0.
    Otherwise it is refused with the figures, and exit code 1.
    """
    from ebbtide import console
    from ebbtide.jobs.models import promote as run

    if force and not reason.strip():
        raise typer.BadParameter("expected a reason with --force: --reason TEXT")
    order = _order(by, reason or "better beyond chance")
    with _opened() as (settings, url, client):
        found = run(settings, client, url, version, order, force=force, progress=console.bar)
    if json:
        console.print_json(found.public())
        return
    if found.compared is not None:
        console.out.print(_comparison(found.compared))
    console.out.print(found.told)


@app.command("rollback", epilog="Example: ebbtide models rollback --reason 'too many alerts'")
def rollback(
    to: Annotated[
        str | None, typer.Option("--to", metavar="VERSION", help="Unset: the champion before this one.")
    ] = None,
    reason: ReasonOption = "rolled back",
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Make the champion before the present one champion again, within seconds, without a restart."""
    from ebbtide import console
    from ebbtide.jobs.models import rollback as run

    with _opened() as (settings, _, client):
        found = run(settings, client, _order(by, reason), to)
    if json:
        console.print_json(found.public())
    else:
        console.out.print(found.told)


@app.command("history", epilog="Example: ebbtide models history --json")
def history(json: JsonOption = False) -> None:
    """Show which version held which alias from when on, by whom and why."""
    from ebbtide import console
    from ebbtide.clock import system_clock
    from ebbtide.jobs.models import registry
    from ebbtide.settings import load
    from models.registry.promotion import history as moves

    found = moves(registry(load()), system_clock())
    if json:
        console.print_json(found)
    else:
        console.out.print(_history(found))


def _order(by: str | None, why: str) -> "Order":
    import getpass

    from ebbtide.clock import system_clock
    from models.registry.promotion import Order

    try:
        who = by or getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        who = "unknown"
    return Order(system_clock(), who, why)


def _versions(found: "list[Version]") -> "Table":
    from rich.table import Table

    from ebbtide.domain.ingest import iso

    table = Table()
    for heading in (
        "version",
        "alias",
        "horizon",
        "test cut-off",
        "AUC",
        "log loss",
        "ECE",
        "catalog",
        "trained",
    ):
        table.add_column(heading)
    for each in found:
        shown = (each.metrics.get(name) for name in ("roc_auc", "log_loss", "expected_calibration_error"))
        table.add_row(
            *(each.version, ", ".join(each.aliases), f"{each.horizon} days", each.test_cutoff),
            *("" if value is None else f"{value:.4f}" for value in shown),
            *(each.catalog, iso(each.made)[:16]),
        )
    return table


def _comparison(found: "Compared") -> "Table":
    from rich.table import Table

    compared = found.comparison
    table = Table(
        title=f"{compared.rows:,} customers at {found.cutoff}, {compared.churn_rate:.1%} of them churned "
        f"within {found.horizon} days",
        title_justify="left",
    )
    table.add_column("metric")
    for heading in (f"version {found.champion}", f"version {found.challenger}", "gain", "95% interval"):
        table.add_column(heading, justify="right")
    for name, before in compared.champion.items():
        gain = compared.gains.get(name)
        proof = ("", "") if gain is None else (f"{gain.gain:+.4f}", f"{gain.low:+.4f} to {gain.high:+.4f}")
        table.add_row(name, f"{before:.4f}", f"{compared.challenger[name]:.4f}", *proof)
    verdict = "is better beyond chance" if compared.proven else "is not proven better"
    table.caption = f"version {found.challenger} {verdict} (judged by log loss)"
    return table


def _history(found: "list[Move]") -> "Table":
    from rich.markup import escape
    from rich.table import Table

    from ebbtide.domain.ingest import iso

    table = Table()
    for heading in ("when", "alias", "version", "before", "by", "why"):
        table.add_column(heading)
    for each in found:
        table.add_row(
            *(iso(each.at), each.alias, each.version, each.before or "", escape(each.by), escape(each.why))
        )
    return table
