"""`ebbtide triggers`: try the moments to speak to customers before they go live."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ebbtide.cli.verbs import JsonOption, MapOption, _opened

if TYPE_CHECKING:
    from rich.table import Table

    from ebbtide.jobs.backtest_triggers import TriggerBacktest
    from models.triggers.snapshot import Churn

app = typer.Typer(no_args_is_help=True, help="Try the moments to speak to customers on a log of yours.")


@app.callback()
def _group() -> None:
    """A group, though it has one verb."""


@app.command(
    "backtest",
    epilog="Example: ebbtide triggers backtest --events log.jsonl --triggers triggers.yaml --last 30 --json",
)
def backtest(
    events: Annotated[
        Path, typer.Option("--events", metavar="FILE", help="A log, as `ebbtide import` takes it.")
    ],
    mapping: MapOption = None,
    triggers: Annotated[
        Path | None,
        typer.Option("--triggers", metavar="FILE", help="The rules to try. Left out: those in force."),
    ] = None,
    last: Annotated[
        float | None, typer.Option(min=0.1, help="Count only what fired in so many last days of the log.")
    ] = None,
    horizon: Annotated[
        int | None, typer.Option(min=1, help="Days without an order that count as churn.")
    ] = None,
    champion: Annotated[
        bool,
        typer.Option("--champion", help="Ask the model in force for `churn` and stages, as the flow does."),
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Every trigger into a file of JSON lines.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw the stages over time into a PNG file.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Say what the triggers would have done on a recorded log: how often, for whom, and what came after.

    The log goes through the flow in memory, so what fires here is what fires live. Nothing is kept.
    """
    from ebbtide import console
    from ebbtide.clock import system_clock
    from ebbtide.jobs import backtest_triggers as job
    from ebbtide.settings import load
    from models.triggers.trigger_file import SHIPPED, usable
    from streaming.importing.importer import open_log
    from streaming.importing.mapping import parse_mapping

    for path in (out, plot):
        _check_folder(path)
    settings = load()
    rules, faults = usable(triggers or settings.triggers or SHIPPED)
    log = open_log(events, parse_mapping(mapping) if mapping else None)
    with _churn(champion) as churn:
        found = job.backtest(
            log,
            rules,
            horizon=horizon or settings.horizon,
            last_days=last,
            churn=churn,
            clock=system_clock,
            progress=console.bar,
        )
    found.warnings.extend(f"left out: {fault}" for fault in faults)
    if out is not None:
        found.write(out)
    if plot is not None:
        from models.evaluation.stage_plot import drawn

        drawn(found.entered, found.data).savefig(plot, format="png")
    if json:
        console.print_json(found.public())
    else:
        console.out.print(_table(found))
        console.out.print(_stages(found))
        for note in found.warnings:
            console.out.print(f"! {note}", markup=False)


def _check_folder(path: Path | None) -> None:
    from ebbtide.errors import InputError

    if path is not None and not path.parent.is_dir():
        raise InputError(f"{path}: expected a folder to write to, found none; make {path.parent}")


@contextlib.contextmanager
def _churn(champion: bool) -> "Iterator[Churn]":
    """What tells the probability of churn: the champion in force, or nobody."""
    from models.triggers.snapshot import churn_by, unknown_churn

    if not champion:
        yield unknown_churn
        return
    from ebbtide.errors import ModelError
    from models.churn import scorer

    with _opened() as (_, _, client):
        found = scorer.load(client)
    if found is None:
        raise ModelError("--champion: expected a model in force, found none; run `ebbtide train`")
    yield churn_by(lambda: found)


def _table(found: "TriggerBacktest") -> "Table":
    """A row for each rule."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        title=f"{escape(found.data)}: {found.since[:10]} to {found.until[:10]}, "
        f"{found.customers:,} customers, rules {found.rules}",
        title_justify="left",
    )
    table.add_column("trigger", no_wrap=True)
    first = next(iter(found.triggers), None)
    ordered, churned = (first.ordered_base, first.churned_base) if first else (None, None)
    for heading in (
        *("fired", "customers", "a week"),
        f"ordered in 7 days (all: {_share(ordered)})",
        f"churned (all: {_share(churned)})",
        "most in a day",
    ):
        table.add_column(heading, justify="right")
    table.add_column("most often with", no_wrap=True)
    for one in found.triggers:
        overlaps = sorted(one.overlaps.items(), key=lambda pair: -pair[1])[:1]
        table.add_row(
            one.id,
            f"{one.fired:,}",
            f"{one.customers:,} ({one.share:.0%})",
            f"{one.per_week:,.1f}",
            _share(one.ordered),
            _share(one.churned),
            f"{one.most_a_day:,} ({one.most_share:.0%})",
            ", ".join(f"{name} {share:.0%}" for name, share in overlaps),
        )
    return table


def _stages(found: "TriggerBacktest") -> "Table":
    """A row for each stage that customers moved to."""
    from rich.table import Table

    table = Table(title="What came after moves between stages", title_justify="left")
    table.add_column("stage entered")
    for heading in ("entered", "customers", "ordered in 7 days", "churned"):
        table.add_column(heading, justify="right")
    for one in found.stages:
        shares = (_share(one.ordered), _share(one.churned))
        table.add_row(one.stage, f"{one.entered:,}", f"{one.customers:,}", *shares)
    return table


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
