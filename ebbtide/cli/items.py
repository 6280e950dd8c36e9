"""`ebbtide items`: describe the items of a shop from a file, and say what is described."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ebbtide.cli.verbs import JsonOption, _opened

if TYPE_CHECKING:
    from ebbtide.jobs.items import ItemsReport, ItemsTaken


def items(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Parquet, CSV or JSON lines. Left out: report what is described and what is not."
        ),
    ] = None,
    mapping: Annotated[
        str | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN,...",
            help="Which column is what. Fields: id (needed), name, category, brand, price, stock, "
            "availableFrom, availableUntil, url, image, attributes.NAME. Left out: columns are fields by "
            "their names, and all others attributes.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Describe items: name, category, brand, price, stock, dates, attributes.

    An empty cell leaves a field as it was. Rows that cannot be used are kept in `.ebbtide/rejected/` with
    their reason, and the rest goes on.
    """
    from ebbtide import console
    from ebbtide.clock import system_clock
    from ebbtide.jobs import items as job

    with _opened() as (settings, _, client):
        found: ItemsTaken | ItemsReport
        if file is None:
            found = job.report(client, system_clock())
            lines = _report(found)
        else:
            found = job.take_items(settings, client, file, mapping, clock=system_clock, progress=console.bar)
            lines = _summary(found)
    if json:
        console.print_json(found)
    else:
        for line in lines:
            console.out.print(line, markup=False, soft_wrap=True)


def _summary(taken: "ItemsTaken") -> list[str]:
    lines = [f"{taken.source}: {taken.new:,} items are new, {taken.known:,} were known"]
    if taken.back_in_stock:
        lines.append(f"  {taken.back_in_stock:,} of them came back in stock")
    if taken.rejected:
        lines.append(f"  rejected, kept in {taken.kept}:")
        lines += [f"  {count:>10,}  {reason}" for reason, count in taken.rejected.items()]
    return lines


def _report(found: "ItemsReport") -> list[str]:
    left_out = f"{found.sold_out:,} sold out, {found.out_of_dates:,} outside of their dates"
    lines = [
        f"{found.described:,} items are described: {left_out}",
        f"{found.unknown:,} of {found.bought:,} products that recommendations know are not described",
    ]
    if found.examples:
        more = ", ..." if found.unknown > len(found.examples) else ""
        lines.append(f"  {', '.join(found.examples)}{more}")
    return lines
