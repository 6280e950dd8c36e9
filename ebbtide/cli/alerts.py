"""The verbs on who is at risk: `alerts` and `score`."""

from pathlib import Path
from typing import Annotated

import typer

from ebbtide.cli.verbs import JsonOption, _opened
from ebbtide.domain.alert import Alert, Status
from ebbtide.domain.customer import Stage


def alerts(
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with every change as it comes, until Ctrl-C.")
    ] = False,
    status: Annotated[Status, typer.Option(help="Open ones, or those cleared.")] = Status.OPEN,
    min_value: Annotated[float, typer.Option(min=0, help="The least value at risk.")] = 0.0,
    stage: Annotated[Stage | None, typer.Option(help="Only customers who were in this stage.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    json: JsonOption = False,
) -> None:
    """Show who is at risk, the most value at risk first: why, what changed, until when there is a chance.

    With --json one object `{alerts: [...]}`; with --follow too, one object a line.
    """
    from ebbtide import console
    from ebbtide.cli import risk_tables as risk
    from ebbtide.jobs import alerts as job

    with _opened() as (_, _, client):
        after = job.newest(client)  # before the question, so that none falls between the two
        found = job.standing(client, status=status, least=min_value, stage=stage, limit=limit + 1)
        found, more = found[:limit], len(found) > limit
        if follow and json:
            for alert in found:
                console.print_json(alert)
        elif json:
            console.print_json({"alerts": found})
        else:
            console.out.print(risk.alerts_table(found, status, more=more))
        if follow:
            for alert in job.follow(client, after):
                _tell(alert, json=json)


def _tell(alert: Alert, *, json: bool) -> None:
    from ebbtide import console
    from ebbtide.cli import risk_tables as risk

    if json:
        console.print_json(alert)
    else:
        console.out.print(risk.alert_line(alert), soft_wrap=True)


def score(
    every: Annotated[bool, typer.Option("--all", help="Score every customer; needed, so far.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="A row for each customer into this .parquet or .csv.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Score every customer as of now: how many in which stage, the mean risk, who has the most at stake."""
    from ebbtide import console
    from ebbtide.cli import risk_tables as risk
    from ebbtide.clock import system_clock
    from ebbtide.errors import InputError
    from ebbtide.jobs.score import score_all

    if not every:
        raise InputError("score: expected --all; for one customer ask the API, POST /v1/decisions")
    with _opened() as (_, _, client):
        result = score_all(client, now=system_clock(), progress=console.bar, out=out)
    if json:
        console.print_json(result)
    else:
        console.out.print(risk.score_summary(result))
        console.out.print(risk.at_risk_table(result))
