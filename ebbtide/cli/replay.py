"""`ebbtide replay`: make decisions again from their receipts, and see that they come out the same."""

from typing import Annotated

import typer

from ebbtide.cli.verbs import JsonOption, _opened

app = typer.Typer(
    no_args_is_help=True, help="Make again what was logged, and see that it comes out the same."
)


@app.command("decisions", epilog="Example: ebbtide replay decisions --most 1000 --json")
def decisions(
    most: Annotated[int, typer.Option(min=1, help="The newest decisions, at most so many.")] = 10_000,
    json: JsonOption = False,
) -> None:
    """Replay the decision log: stage, churn, candidates, probabilities and choice of each decision.

    Each is made from its own receipt, with the versions that it names. Exit code 1 unless all that can be
    replayed are equal.
    """
    from ebbtide import console
    from ebbtide.jobs.replay import replay_decisions

    with _opened() as (_, _, client):
        found = replay_decisions(client, most=most, progress=console.bar)
    if json:
        console.print_json(found.public())
    else:
        share = "none to replay" if found.share is None else f"{found.equal:,} equal ({found.share:.4f})"
        console.out.print(f"{found.decisions:,} decisions, {found.replayed:,} replayed: {share}")
        for what, count in found.missing.items():
            console.out.print(f"{count:,} not replayed: {what} is no longer kept", markup=False)
        for decision, parts in found.different.items():
            console.out.print(f"{decision}: other {', '.join(parts)}", markup=False)
    raise typer.Exit(1 if found.equal < found.replayed else 0)
