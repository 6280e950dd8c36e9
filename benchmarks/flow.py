"""The flow's speed: against idiomatic Bytewax, a plain loop, Feast's writer, and itself with two processes.

All sides of a ratio run in turns in one run, over events in memory, into one Redis with an append-only file;
a ratio is the median of those of the rounds. Ours keeps the whole catalogue.
"""

import statistics
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import drain
from benchmarks.peers import idiomatic, plain_loop
from benchmarks.report import Result, median_ratio, options, say, seconds, show, told
from benchmarks.workshop import Workshop, generated, online_retail, workshop
from ebbtide.clock import system_clock
from ebbtide.jobs.apply import apply
from ebbtide.logs.rejected import RejectedLog
from features.profile import encode
from features.store import layout
from features.store.online import OnlineStore
from features.store.row import Row
from streaming.flow import build, run
from streaming.sinks import FeatureSink
from streaming.sources import ImportSource
from streaming.updater import Updater

FEAST_BATCH = 1_000
FEAST_ROWS = 5_000
"""Rows that Feast writes in a round: more take long and say the same."""


def ours(shop: Workshop, lines: Iterable[bytes]) -> None:
    """The flow of an import, after its archive was written."""
    settings, client = shop.settings, shop.client
    sink = FeatureSink(client, RejectedLog(settings.rejected), system_clock)
    run(build(ImportSource(1, lines), sink, Updater(OnlineStore(client), tells=False)))


def emptied(shop: Workshop) -> None:
    """Begin from nothing."""
    shop.client.flushall()


def compare(shop: Workshop, lines: Sequence[bytes], rounds: int) -> Result:
    """Events per second of the flow, the idiomatic flow and the loop, and their ratios."""
    sides: dict[str, Callable[[], Any]] = {
        "ours": partial(ours, shop, lines),
        "idiomatic": lambda: run(idiomatic(lines, shop.client)),
        "loop": partial(plain_loop, lines),
    }
    took: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(1, rounds + 1):
        for name, side in sides.items():
            emptied(shop)
            took[name].append(seconds(side))
        say(f"round {number}: " + ", ".join(f"{name} {times[-1]:.1f} s" for name, times in took.items()))
    return {
        "ratio_idiomatic": median_ratio(took["idiomatic"], took["ours"]),
        "ratio_loop": median_ratio(took["loop"], took["ours"]),
        "events": len(lines),
        "events_per_second": {name: len(lines) / statistics.median(times) for name, times in took.items()},
    }


def compare_writers(shop: Workshop, lines: Sequence[bytes], rounds: int) -> Result:
    """Rows per second of our store and of Feast's SDK, for the same rows of the same view."""
    import pandas as pd

    emptied(shop)
    with told("Feast's registry made"):
        feast: Any = apply(shop.settings, shop.url)
    rows = [Row(name, encode(state), state.last_at) for name, state in plain_loop(lines).items()]
    frame = pd.DataFrame(
        {
            layout.ENTITY_KEY: [row.customer for row in rows[:FEAST_ROWS]],
            layout.FEATURE: [row.state for row in rows[:FEAST_ROWS]],
            "event_timestamp": pd.to_datetime([row.at for row in rows[:FEAST_ROWS]], unit="s", utc=True),
        }
    )
    frame["created"] = frame["event_timestamp"]
    batches = [frame[start : start + FEAST_BATCH] for start in range(0, len(frame), FEAST_BATCH)]

    def feast_writes() -> None:
        for batch in batches:
            feast.write_to_online_store(layout.VIEW, df=batch)

    store = OnlineStore(shop.client)
    speeds: dict[str, list[float]] = {"ours": [], "feast": []}
    for _ in range(rounds):
        emptied(shop)
        speeds["ours"].append(len(rows) / seconds(lambda: store.write_rows(rows)))
        emptied(shop)
        speeds["feast"].append(len(frame) / seconds(feast_writes))
    return {
        "ratio_feast_write": median_ratio(speeds["ours"], speeds["feast"]),
        "rows_per_second": {name: statistics.median(each) for name, each in speeds.items()},
    }


def compare_workers(shop: Workshop, lines: Sequence[bytes], rounds: int) -> Result:
    """How much faster two processes empty the event log than one."""
    speeds: dict[int, list[float]] = {1: [], 2: []}
    for number in range(1, rounds + 1):
        for processes, found in speeds.items():
            emptied(shop)
            found.append(len(lines) / drain.measure(shop, lines, processes))
        say(f"round {number}: " + ", ".join(f"{n} process(es) {s[-1]:,.0f}/s" for n, s in speeds.items()))
    return {
        "ratio_two_workers": median_ratio(speeds[2], speeds[1]),
        "events_per_second_from_log": {
            "one_process": statistics.median(speeds[1]),
            "two_processes": statistics.median(speeds[2]),
        },
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = options(__doc__)
    parser.add_argument("--events", type=int, default=500_000, help="events to generate")
    parser.add_argument("--customers", type=int, default=20_000, help="their customers")
    parser.add_argument("--rounds", type=int, default=3, help="turns that each side gets")
    parser.add_argument("--no-online-retail", action="store_true", help="leave out the log of the real shop")
    parser.add_argument("--no-workers", action="store_true", help="leave out the two processes")
    given = parser.parse_args(arguments)
    with workshop() as shop:
        lines = generated(given.events, given.customers)
        result = compare(shop, lines, given.rounds)
        result |= compare_writers(shop, lines, given.rounds)
        if not given.no_workers:
            result |= compare_workers(shop, lines, given.rounds)
        retail = None if given.no_online_retail else online_retail(Path(shop.settings.rejected))
        if retail is not None:
            say(f"online_retail: {len(retail):,} events")
            result["online_retail"] = compare(shop, retail, given.rounds)
            result["online_retail"] |= compare_writers(shop, retail, given.rounds)
    show(result, as_json=given.json)


if __name__ == "__main__":
    main()
