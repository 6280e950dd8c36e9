"""Decisions a second of the API, with everything on, against an empty FastAPI route and `feast serve`.

One uvicorn worker each, a real Redis, a load generator of its own process with 16 connections. All sides run
in turns; a ratio is the median of those of the rounds.

- `ratio_empty`: decisions a second over the answers a second of an empty FastAPI route with the same request
  and response models, which gives one and the same decision each time.
- `ratio_feast_serve`: decisions a second over the answers a second of `feast serve`, which gives the signals
  of one customer and nothing else; it is asked with every feature named, its faster way.
- `ratio_p99`: p99 of the time to answer at half of the capacity, over that of the empty route at half of its.
"""

import json
import math
import statistics
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any

import httpx2 as httpx
import msgspec
from msgspec.structs import replace

from benchmarks.events import generate
from benchmarks.report import Result, median_ratio, options, say, show, told
from benchmarks.scoring import ACTIVE, CUTS, MAIN, frame
from benchmarks.serving_peers import FEAST_PATH, PATH, empty_route, feast_body, feast_serve, serving
from benchmarks.workshop import SEED, Workshop, workshop
from ebbtide import bulk
from ebbtide.clock import system_clock
from ebbtide.domain.event import Event
from ebbtide.domain.event import decode as decode_event
from features.catalog import NAMES, VERSION
from features.profile import State, encode, new_state, update
from features.store.online import OnlineStore
from features.store.row import Row
from models.churn.artefact import digest
from models.churn.artefact import encode as encode_model
from models.churn.churn import Plan, train
from models.churn.sweep import matrix
from models.recommendations import ranked, ranked_lists, ranker
from models.recommendations.item_rebuild import rebuild
from models.recommendations.item_store import ItemStore
from models.recommendations.purchases import PurchaseReader
from models.registry.published import KEY, fields

KINDS = 2_000
"""Different customers; a larger base repeats them."""
EVENTS = 40
"""Events of a customer, on average."""
TRAINED = 10_000
"""Rows that train the churn model."""
WARM_SECONDS = 5.0
"""Seconds of load before anything counts: the first answer of `feast serve` takes some."""
LIST_DAYS = 30.0
"""Days that a list of products looks ahead, as `ebbtide recommend` has it."""
ASKED = 20_000
"""Different questions, over and over."""


def events(kinds: int) -> list[Event]:
    """Events of so many customers, the last of them just now."""
    made = [decode_event(raw) for raw in generate(kinds * EVENTS, kinds, SEED)]
    shift = system_clock() - 60.0 - made[-1].at
    return [replace(event, at=event.at + shift) for event in made]


def lists(log: Sequence[Event]) -> dict[str, bytes]:
    """The ranked lists that training makes, by customer: of those who ordered within a year."""
    reader = PurchaseReader()
    for event in log:
        reader.take(event)
    past = reader.purchases()
    cut = math.nextafter(float(past.at.max()), math.inf)
    learned = ranker.train(past, cut, LIST_DAYS, lambda _: None)
    if not learned.windows:  # too few orders to learn from
        return {}
    made = ranked_lists.lists(learned, past, cut, ranked_lists.listed(past, cut))
    return {one.customer: ranked.encode("benchmark", cut, one.places) for one in made}


def fill(shop: Workshop, customers: int) -> list[str]:
    """Put customers, products, lists and a churn model into the workshop's Redis; gives the customers."""
    log = events(min(customers, KINDS))
    states: dict[str, State] = {}
    for event in log:
        update(states.setdefault(event.customer, new_state()), event)
    rows = [(encode(state), state.last_at) for state in states.values()]
    names = [f"c{number}" for number in range(customers)]
    stored = (Row(name, *rows[number % len(rows)]) for number, name in enumerate(names))
    while block := list(islice(stored, 10_000)):
        OnlineStore(shop.client).write_rows(block)
    rebuild(log, ItemStore(shop.client))
    made = lists(log)
    each = zip(names, cycle([made.get(kind) for kind in states]), strict=False)
    known = [(name, raw) for name, raw in each if raw is not None]
    bulk.ask(shop.client, lambda one: ("SET", ranked.key(one[0]), one[1]), known)
    signals = matrix(list(states.values()), system_clock())
    model = train(frame(signals, TRAINED, CUTS), NAMES, VERSION, Plan(MAIN, ACTIVE)).artefact
    raw = encode_model(model)
    shop.client.hset(KEY, mapping=fields("benchmark", raw, digest(raw)))
    return names


def api(shop: Workshop) -> AbstractContextManager[int]:
    """Run `ebbtide serve` over the workshop; gives its port."""
    settings = {"EBBTIDE_HOME": str(shop.settings.root), "EBBTIDE_REDIS_URL": shop.url}
    return serving([sys.executable, "-m", "ebbtide", "serve"], settings)


def load(port: int, path: str, bodies: Path, seconds: float, rate: float | None = None) -> dict[str, Any]:
    """Run the load generator against a server."""
    options = ["--port", str(port), "--path", path, "--bodies", str(bodies), "--seconds", str(seconds)]
    paced = [] if rate is None else ["--rate", str(rate)]
    command = [sys.executable, "-m", "benchmarks.load", *options, *paced]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    if found["failed"]:
        raise RuntimeError(f"{path}: expected 200 for all, found {found['failed']} other answers")
    return found


def written(path: Path, questions: Sequence[dict[str, Any]]) -> Path:
    """A file of bodies for the load generator."""
    path.write_bytes(b"\n".join(map(msgspec.json.encode, questions)))
    return path


def measure(
    ports: dict[str, int], bodies: dict[str, Path], rounds: int, seconds: float
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Answers a second at full load, and p99 in milliseconds at half of it, of each side in each round."""
    paths = {side: FEAST_PATH if side == "feast_serve" else PATH for side in ports}
    for side, port in ports.items():
        load(port, paths[side], bodies[side], WARM_SECONDS)
    rates: dict[str, list[float]] = {side: [] for side in ports}
    p99s: dict[str, list[float]] = {side: [] for side in ports}
    for _ in range(rounds):
        for side, port in ports.items():
            full = load(port, paths[side], bodies[side], seconds)
            half = load(port, paths[side], bodies[side], seconds, full["rate"] / 2)
            say(f"{side}: {full['rate']:.0f}/s, p99 {full['p99_ms']:.1f} ms; at half {half['p99_ms']:.1f} ms")
            rates[side].append(full["rate"])
            p99s[side].append(half["p99_ms"])
    return rates, p99s


def compare(shop: Workshop, customers: list[str], rounds: int, seconds: float) -> Result:
    """Run all sides in turns."""
    asked = Random(SEED).choices(customers, k=ASKED)
    questions = written(shop.settings.root / "questions", [{"customerId": one} for one in asked])
    now = system_clock()
    features = written(shop.settings.root / "features", [feast_body(one, now) for one in asked])
    with ExitStack() as stack:
        ports = {"ours": stack.enter_context(api(shop))}
        ask = {"customerId": asked[0], "test": True}
        answer = httpx.post(f"http://127.0.0.1:{ports['ours']}{PATH}", json=ask).raise_for_status()
        ports["empty"] = stack.enter_context(empty_route(shop.settings.root, answer.content))
        with told("feast serve starts"):
            ports["feast_serve"] = stack.enter_context(feast_serve(shop))
        bodies = {"ours": questions, "empty": questions, "feast_serve": features}
        rates, p99s = measure(ports, bodies, rounds, seconds)
    return {
        "ratio_empty": median_ratio(rates["ours"], rates["empty"]),
        "ratio_feast_serve": median_ratio(rates["ours"], rates["feast_serve"]),
        "ratio_p99": median_ratio(p99s["ours"], p99s["empty"]),
        "answers_per_second": {side: statistics.median(each) for side, each in rates.items()},
        "p99_ms_at_half": {side: statistics.median(each) for side, each in p99s.items()},
        "customers": len(customers),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = options(__doc__)
    parser.add_argument("--customers", type=int, default=100_000, help="customers in the store")
    parser.add_argument("--seconds", type=float, default=5.0, help="seconds of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="turns that each side gets")
    given = parser.parse_args(arguments)
    with workshop() as shop:
        with told(f"{given.customers:,} customers, products and a churn model made"):
            customers = fill(shop, given.customers)
        result = compare(shop, customers, given.rounds, given.seconds)
    show(result, as_json=given.json)


if __name__ == "__main__":
    main()
