"""The verbs: options in, a job done, its result printed."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from redis import Redis

    from ebbtide.settings import Settings

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
MapOption = Annotated[
    str | None,
    typer.Option(
        "--map",
        metavar="ROLE=COLUMN,...",
        help="Which column is what. Roles: customer, time (both needed), order, product, name, category, "
        "brand, quantity, price, value, discount, event. Leave out for a file of Segment events.",
    ),
]


@contextlib.contextmanager
def _opened() -> "Iterator[tuple[Settings, str, Redis]]":
    """The settings, and a Redis that runs while the context lasts: its URL and a client."""
    from ebbtide import local_redis
    from ebbtide.settings import load

    settings = load()
    with local_redis.running(settings.root, settings.redis_url) as url:
        client = local_redis.connect(url)
        try:
            yield settings, url, client
        finally:
            client.close()


def import_(
    file: Annotated[
        Path, typer.Argument(help="Parquet, CSV or JSON lines; or Segment events as JSON lines.")
    ],
    mapping: MapOption = None,
    shift_to_now: Annotated[
        bool, typer.Option("--shift-to-now", help="Move all times alike so that the log ends now.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first line that is bad.")] = False,
    json: JsonOption = False,
) -> None:
    """Import a purchase log, or Segment events, into features.

    Lines of one order become one event; returns become refunds. Bad lines are kept in `.ebbtide/rejected/`
    with their reason, and the rest goes on.
    """
    from ebbtide import console
    from ebbtide.clock import system_clock
    from ebbtide.jobs.imports import import_file
    from streaming.importing.importer import open_log
    from streaming.importing.mapping import parse_mapping

    log = open_log(file, parse_mapping(mapping) if mapping else None)
    with _opened() as (settings, _, client):
        result = import_file(
            settings,
            client,
            log,
            clock=system_clock,
            progress=console.bar,
            shift_to_now=shift_to_now,
            strict=strict,
        )
    if json:
        console.print_json(result)
    else:
        console.out.print(console.import_summary(result))


def stream(
    once: Annotated[
        bool, typer.Option("--once", help="End when all that is logged now has been read.")
    ] = False,
    workers: Annotated[int, typer.Option("--workers", "-w", min=1, help="Threads in this process.")] = 1,
    process: Annotated[
        int | None,
        typer.Option("--process-id", "-i", min=0, help="Which of the processes at -a this one is."),
    ] = None,
    addresses: Annotated[
        str, typer.Option("--addresses", "-a", metavar="HOST:PORT;...", help="Every process of the flow.")
    ] = "",
) -> None:
    """Run the flow: read the event log into features, until Ctrl-C.

    Several processes share the work: give each its number, from 0, and the same list of addresses.
    """
    from ebbtide import console
    from ebbtide.clock import system_clock
    from ebbtide.jobs.stream import stream as run

    with _opened() as (settings, _, client):
        console.err.print("Starting the flow ...")
        with console.bar("Stream") as advance:
            run(
                settings,
                client,
                clock=system_clock,
                once=once,
                workers=workers,
                process=process,
                addresses=[address for address in addresses.split(";") if address],
                stored=advance,
            )


def train(
    horizon: Annotated[
        int | None, typer.Option(min=1, help="Days ahead within which a customer has churned.")
    ] = None,
    active: Annotated[
        int | None, typer.Option(min=1, help="Days back within which a customer counts as active.")
    ] = None,
    churned: Annotated[
        Literal["silence", "cancel"] | None,
        typer.Option(help="What counts as churn: no order within the horizon, or a cancellation in it."),
    ] = None,
    tune: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Search parameters for so long first: 30s, 5m or 1h."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Train the churn model on past states, and the recommendations, and log both to MLflow.

    The first model is the champion and serves; a later one is the challenger until it is promoted.

    Examples: `ebbtide train`, `ebbtide train --horizon 30 --active 90 --tune 5m`,
    `ebbtide train --churned cancel --json`.
    """
    from ebbtide import console
    from ebbtide.jobs.train import train as run
    from models.churn.tuning import budget

    seconds = None if tune is None else budget(tune)

    with _opened() as (settings, url, client):
        result = run(
            settings,
            client,
            url,
            horizon=horizon or settings.horizon,
            active=active or settings.active,
            churned=churned or settings.churned,
            tune=seconds,
            progress=console.bar,
        )
    if json:
        console.print_json(result)
    else:
        console.out.print(console.training_table(result))
        console.out.print(console.training_next(result))


def recommend(
    days: Annotated[float, typer.Option(min=1, help="Days that the lists look ahead.")] = 30.0,
    json: JsonOption = False,
) -> None:
    """Train the recommendations alone: item statistics, the ranker, a list for each customer.

    Item statistics are counted anew only where no flow runs, which keeps them.
    """
    from ebbtide import console
    from ebbtide.jobs.recommend import recommend as run

    with _opened() as (settings, _, client):
        result = run(settings, client, days=days, progress=console.bar)
    if json:
        console.print_json(result)
    else:
        console.out.print(console.recommended_table(result))


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = None,
) -> None:
    """Serve the API until Ctrl-C. Events that it takes in are applied by `ebbtide stream`."""
    from ebbtide import console
    from ebbtide.jobs.serve import serve as run

    started = time.monotonic()
    with _opened() as (settings, url, _):

        def ready(address: str) -> None:
            took = time.monotonic() - started
            console.out.print(f"Ready in {took:.1f} s: {address}  (try {address}/docs)", soft_wrap=True)

        run(
            settings,
            url,
            host=settings.host if host is None else host,
            port=settings.port if port is None else port,
            ready=ready,
        )


def apply(json: JsonOption = False) -> None:
    """Apply the feature definitions to Feast's registry, as `feast apply` in feature_repo/ does."""
    from ebbtide import console
    from ebbtide.jobs.apply import apply as run

    with _opened() as (settings, url, _), console.bar("Feast"):
        store = run(settings, url)
        found = {
            "entities": [entity.name for entity in store.list_entities()],
            "featureViews": [view.name for view in store.list_feature_views()],
            "onDemandFeatureViews": [view.name for view in store.list_on_demand_feature_views()],
            "featureServices": [service.name for service in store.list_feature_services()],
        }
    if json:
        console.print_json(found)
    else:
        for kind, names in found.items():
            console.out.print(f"{kind}: {', '.join(names)}")


def mlflow(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port.")] = 5000,
) -> None:
    """Open MLflow's page over the experiments of this working folder, until Ctrl-C."""
    from ebbtide import console
    from ebbtide.jobs.mlflow_page import run
    from ebbtide.settings import load

    console.out.print(f"MLflow: http://{host}:{port}", soft_wrap=True)
    raise typer.Exit(run(load(), host=host, port=port))


def check(json: JsonOption = False) -> None:
    """Look at settings, actions, triggers, Redis, features, items, Feast, model: ok, or what to do."""
    from ebbtide import console
    from ebbtide.jobs.check import check as run

    with _opened() as (settings, _, client):
        findings = run(settings, client)
    if json:
        console.print_json(findings)
    else:
        console.out.print(console.findings_table(findings))
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


def parity(
    events: Annotated[Path, typer.Option("--events", help="A log, as `ebbtide import` takes it.")],
    mapping: MapOption = None,
    sample: Annotated[int, typer.Option(min=1, help="Customers to compare.")] = 500,
    json: JsonOption = False,
) -> None:
    """Replay a log, and compare each value served on the way with one computed from the raw events.

    The replay has a working folder and a Redis of its own, gone afterwards. Exit code 1 unless all are equal.
    """
    from ebbtide import console
    from ebbtide.clock import system_clock
    from ebbtide.verify.parity import parity as run
    from streaming.importing.importer import open_log
    from streaming.importing.mapping import parse_mapping

    log = open_log(events, parse_mapping(mapping) if mapping else None)
    result = run(log, sample=sample, clock=system_clock, progress=console.bar)
    if json:
        console.print_json(result)
    else:
        console.out.print(console.parity_summary(result))
        if result.worst:
            console.out.print(console.parity_table(result))
    raise typer.Exit(1 if result.worst else 0)


def demo(
    exit_: Annotated[
        bool, typer.Option("--exit", help="End after printing, instead of leaving the API on.")
    ] = False,
) -> None:
    """Run everything on a year of real grocery baskets: import, stream, train, live, ask. Takes minutes."""
    from ebbtide.demo.run import run
    from ebbtide.settings import load

    run(load(), leave_running=not exit_)
