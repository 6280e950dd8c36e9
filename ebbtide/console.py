"""What the terminal shows: bars on standard error, results on standard output, JSON where asked for."""

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from ebbtide.domain.ingest import iso
from ebbtide.jobs.check import Finding
from ebbtide.jobs.imports import ImportResult
from ebbtide.jobs.progress import Advance
from ebbtide.jobs.recommend import Recommended
from ebbtide.jobs.train import TrainResult
from ebbtide.verify.parity import Parity

WIDE = 120
"""Columns where nobody watches: a file or a pipe has no width of its own."""

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
for _console in (out, err):
    if not _console.is_terminal:
        _console.width = WIDE


@contextlib.contextmanager
def bar(what: str, total: int | None = None) -> Iterator[Advance]:
    """Show a bar while a piece of work lasts, and the time that it took when it ends."""
    started = time.monotonic()
    done = 0
    columns = (
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(what, total=total, count="")

        def advance(units: int) -> None:
            nonlocal done
            done += units
            progress.update(task, advance=units, count=f"{done:,}")

        yield advance
    count = f"{done:>12,}" if done else " " * 12
    err.print(f"[green]✓[/] {what:<42}{count}  {time.monotonic() - started:6.1f} s", soft_wrap=True)


def print_json(value: Any) -> None:
    """Print one JSON object to standard output."""
    import msgspec

    sys.stdout.write(msgspec.json.encode(value, enc_hook=str).decode() + "\n")


def import_summary(result: ImportResult) -> str:
    """A few lines on what an import did."""
    if result.already:
        return f"{result.source} was imported before, with the same mapping: nothing to do"
    if result.resumed:
        return f"{result.source}: an interrupted import was finished"
    report = result.report
    lines = [f"{result.source}: {report.lines:,} lines, {report.events.total():,} events"]
    lines += [f"  {count:>10,}  {name}" for name, count in report.events.most_common()]
    if report.first is not None and report.last is not None:
        lines.append(f"  from {iso(report.first)} to {iso(report.last)}")
    if result.duplicates:
        lines.append(f"  {result.duplicates:,} of them were imported before, and left out")
    if report.shift:
        lines.append(f"  all times moved by {report.shift / 86_400:,.1f} days, so that the log ends now")
    if report.rejected:
        lines.append(f"  {report.rejected.total():,} lines rejected, kept in {result.rejected}:")
        lines += [f"  {count:>10,}  {reason}" for reason, count in report.rejected.most_common(10)]
    return "\n".join(escape(line) for line in lines)


def training_table(result: TrainResult) -> Table:
    """The model's metrics at the main horizon, each with the ends of its 95% interval."""
    what = "a cancellation" if result.churned == "cancel" else "no order"
    title = (
        f"ebbtide-churn {result.version} ({result.alias}): {what} in {result.horizon} days, "
        f"from {result.test_cutoff} on"
    )
    table = Table(title=title, title_justify="left")
    for heading in ("metric", "value", "95% interval"):
        table.add_column(heading, justify="left" if heading == "metric" else "right")
    for name, value in result.metrics.items():
        ends = [result.metrics.get(f"{name}_{end}") for end in ("low", "high")]
        if None not in ends:
            table.add_row(name, f"{value:.4f}", " to ".join(f"{end:.4f}" for end in ends))
    table.add_row("churn_rate", f"{result.churn_rate:.4f}", "")
    table.add_row("horizons, days", ", ".join(map(str, result.horizons)), "")
    table.add_row("rows trained / tested on", f"{result.train_rows:,} / {result.test_rows:,}", "")
    if result.trials:
        table.add_row("sets of parameters tried", f"{result.trials:,}", "")
    table.add_row("items to recommend", f"{result.recommended.items:,}", "")
    table.add_row("customers with a ranked list", f"{result.recommended.lists:,}", "")
    return table


def recommended_table(result: Recommended) -> Table:
    """What a training of recommendations gave."""
    title = f"ebbtide-recommendations {result.version}" if result.version else "too little to learn from"
    table = Table("figure", "value", title=title, title_justify="left")
    for name, value in result.metrics.items():
        table.add_row(name, f"{value:.4f}")
    table.add_row("customers with a ranked list", f"{result.lists:,}")
    if result.lists:
        table.add_row("bytes a list", f"{result.bytes_per_list:,.0f}")
        table.add_row("lists a second", f"{result.lists_per_second:,.0f}")
    table.add_row("items", f"{result.items:,}")
    table.add_row("item statistics", "counted anew" if result.counted else "left as the flow keeps them")
    return table


def training_next(result: TrainResult) -> str:
    """What a training changed for those who are served, and what to run next."""
    if result.alias == "champion":
        return f"Version {result.version} is the champion: the API and the stream take it up within seconds."
    return (
        f"Version {result.version} is the challenger; {result.serving} goes on serving. "
        f"Next: ebbtide models compare"
    )


def parity_summary(result: Parity) -> str:
    """How much was compared, and how much of it matches."""
    return f"{result.vectors:,} vectors of {len(result.values)} values: {result.rate:.6%} equal"


def parity_table(result: Parity) -> Table:
    """The values that do not always match, each with its worst difference."""
    table = Table()
    table.add_column("value")
    for heading in ("equal", "served", "recomputed"):
        table.add_column(heading, justify="right")
    for heading in ("customer", "at"):
        table.add_column(heading)
    for name, worst in result.worst.items():
        row = (f"{result.values[name]:.4%}", f"{worst.served:.9g}", f"{worst.recomputed:.9g}")
        table.add_row(name, *row, escape(worst.customer), worst.at)
    return table


def findings_table(findings: list[Finding]) -> Table:
    """Each part with ok or what to do."""
    table = Table(show_header=False, box=None)
    for finding in findings:
        mark = "[green]ok[/]" if finding.ok else "[red]no[/]"
        table.add_row(finding.part, mark, escape(finding.text))
    return table
