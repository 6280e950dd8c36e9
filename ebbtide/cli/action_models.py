"""`ebbtide models promote-actions`: put in force what was learned about responses."""

from typing import TYPE_CHECKING, Annotated

import typer

from ebbtide.cli.models import ByOption, ReasonOption, _order
from ebbtide.cli.verbs import JsonOption, _opened

if TYPE_CHECKING:
    from rich.table import Table

    from models.actions.action_promotion import Compared


def promote_actions(
    force: Annotated[bool, typer.Option("--force", help="Without comparing; needs --reason.")] = False,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="VERSION", help="An earlier version instead; needs --reason."),
    ] = None,
    reason: ReasonOption = "",
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Let the API use what the stream has learned about responses, if that brings more money per decision.

    What is learned from the first half of the decision log is judged on the second, against the model in
    force. Unless the lower bound of its gain (doubly robust, 95%) lies above 0, it is refused with the
    figures, and exit code 1.
    """
    from ebbtide import console
    from ebbtide.jobs import action_models

    if (force or to) and not reason.strip():
        raise typer.BadParameter("expected a reason with --force and --to: --reason TEXT")
    order = _order(by, reason or "better beyond chance")
    with _opened() as (settings, _, client):
        if to is not None:
            found = action_models.restore_actions(settings, client, order, to)
        else:
            found = action_models.promote_actions(settings, client, order, force=force, progress=console.bar)
    if json:
        console.print_json(found.public())
        return
    if found.compared is not None:
        console.out.print(_table(found.compared))
    console.out.print(f"response model in force: {found.published}", markup=False)


def _table(found: "Compared") -> "Table":
    from rich.table import Table

    table = Table(
        title=f"Money per decision on {found.judged_on:,} decisions, learned from {found.learned_from:,} "
        "before them",
        title_justify="left",
    )
    for heading in ("", "value", "95% interval"):
        table.add_column(heading, justify="left" if not heading else "right")
    before = "the entries" if found.incumbent is None else found.incumbent
    for name, each in ((before, found.champion), ("learned", found.challenger), ("gain", found.gain)):
        table.add_row(name, f"{each.value:+.4f}", f"{each.low:+.4f} to {each.high:+.4f}")
    return table
