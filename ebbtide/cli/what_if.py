"""`ebbtide what-if`: what a changed policy would have brought, before it goes live."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ebbtide.cli.verbs import JsonOption, _opened

if TYPE_CHECKING:
    from rich.table import Table

    from ebbtide.jobs.what_if import Report
    from models.actions.logged import Valued


def what_if(
    policy: Annotated[Path, typer.Option("--policy", metavar="FILE", help="The changed actions.yaml.")],
    json: JsonOption = False,
) -> None:
    """Say what a changed policy would have brought, from the decision log; nothing is changed.

    Each logged decision is made again under the changed policy, and counts by how likely that was. Where the
    log cannot tell, this says so, and gives no figure.
    """
    from ebbtide import console
    from ebbtide.jobs.what_if import what_if as run

    with _opened() as (settings, _, client):
        found = run(settings, client, policy, progress=console.bar)
    if json:
        console.print_json(found.public())
        return
    if found.found.shares:
        console.out.print(_shares(found))
    if found.found.refusal is not None:
        console.out.print(f"The log cannot tell: {found.found.refusal}.", markup=False)
    else:
        console.out.print(_values(found))


def _shares(found: "Report") -> "Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        title=f"{found.found.rows:,} decisions from {(found.first or '')[:10]} to {(found.last or '')[:10]}",
        title_justify="left",
    )
    table.add_column("action")
    for heading in ("taken", f"under {escape(found.policy)}", "of that impossible in the log"):
        table.add_column(heading, justify="right")
    for share in found.found.shares:
        table.add_row(
            escape(share.action), *(f"{each:.1%}" for each in (share.logged, share.changed, share.impossible))
        )
    return table


def _values(found: "Report") -> "Table":
    from rich.table import Table

    table = Table(
        title="Money per decision: orders of the week after it, less the action's cost", title_justify="left"
    )
    table.add_column("policy")
    for heading in ("value", "95% interval", "effective decisions"):
        table.add_column(heading, justify="right")
    judged = found.found
    size = f"{judged.effective_sample_size:,.0f}"
    rows: list[tuple[str, Valued | None, str]] = [
        ("in force", judged.logged, f"{judged.rows:,}"),
        ("changed", judged.changed, size),
        ("gain", judged.gain, size),
    ]
    for name, value, effective in rows:
        if value is not None:
            table.add_row(name, f"{value.value:+.4f}", f"{value.low:+.4f} to {value.high:+.4f}", effective)
    return table
