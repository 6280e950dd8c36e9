"""Recommendations: one customer's ten of 100,000 items against implicit; the flow that keeps item statistics.

All sides run in turns in one run; a ratio is the median of those of the rounds.

- `ratio_implicit`: answers a second of ours, with what it reads from Redis, over those of implicit's
  `recommend` for one user, of ALS with 64 factors on the same purchases; `ratios_implicit` has its other two.
- `ratio_flow`: events a second of the flow that keeps item statistics over those of the flow without.
"""

import statistics
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.flow import emptied, ours
from benchmarks.report import Result, median_ratio, options, say, seconds, show, told
from benchmarks.workshop import SEED, Workshop, generated, online_retail, workshop
from ebbtide import bulk
from ebbtide.clock import system_clock
from ebbtide.domain.customer import Stage
from ebbtide.domain.event import Event, Product, Properties
from ebbtide.jobs.progress import silent
from ebbtide.jobs.recommend import publish
from ebbtide.logs.rejected import RejectedLog
from features.store.online import OnlineStore
from models.recommendations import item_store, ranked, ranker
from models.recommendations.item_rebuild import rebuild
from models.recommendations.item_store import ItemStore
from models.recommendations.purchases import DAY, PurchaseReader, Purchases
from models.recommendations.recommend_peers import fitted, orders_by_pair
from models.recommendations.recommendations import Recommender
from models.recommendations.wanted import Wanted
from streaming.flow import build, run
from streaming.item_keeper import ItemKeeper, ItemSink
from streaming.sinks import FeatureSink
from streaming.sources import ImportSource
from streaming.updater import Updater

TOP = 10
LINES, ORDERS = 5, 5
"""Of an order, and of a customer."""
NICHE = 100
"""Items that the same customers buy."""
DAYS = 200.0
PEERS = ("als", "item_knn", "bm25")


def orders(items: int, end: float) -> list[Event]:
    """Orders in which each item is bought about five times, by customers with a taste for three niches.

    The first order of each is of any items, so that each is bought once at least.
    """
    random = Random(SEED)
    niches = max(items // NICHE, 1)
    every = iter(random.sample(range(items), items))
    found = []
    for number in range(items * 5 // (LINES * ORDERS)):
        liked = random.sample(range(niches), min(3, niches))
        for nth in range(ORDERS):
            lines = (
                _line(next(every) if nth == 0 else random.choice(liked) * NICHE + random.randrange(NICHE))
                for _ in range(LINES)
            )
            at = end - random.uniform(0.0, DAYS) * DAY
            properties = Properties(products=tuple(lines))
            found.append(Event(f"{number}-{nth}", f"c{number}", "Order Completed", at, properties))
    return sorted(found, key=lambda event: event.at)


def _line(item: int) -> Product:
    return Product(f"item-{item:06}", name=f"Item number {item}", category=f"Aisle {item // NICHE}")


def compare_answers(shop: Workshop, items: int, asked: int, rounds: int) -> Result:
    """Answers a second of ours and of implicit's models; what a list and a record take."""
    end = system_clock()
    with told(f"orders of {items:,} items counted and learned from"):
        log = orders(items, end)
        rebuild(log, ItemStore(shop.client))
        past = _purchases(log)
        learned = ranker.train(past, end, 30.0, lambda _: None)
        number, size, took = publish(shop.client, learned, past, end, "1", silent, most=asked)
    customers = np.array([past.customers.index(one) for one in _with_lists(shop, past)], dtype=np.int64)
    names = [past.customers[place] for place in customers]
    sides: dict[str, Callable[[], Any]] = {
        "ours": partial(_ours, shop, names, end, 1),
        "ours_16_at_once": partial(_ours, shop, names, end, 16),
    }
    counts = orders_by_pair(past)
    with threadpool_limits(1), told("models of implicit fitted"):
        sides |= {name: partial(_implicit, fitted(name, counts), counts, customers) for name in PEERS}
        speeds: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(rounds):
            for name, side in sides.items():
                speeds[name].append(len(customers) / seconds(side))
    store = shop.client.memory_usage(item_store.RECORDS, samples=0)
    return {
        "ratio_implicit": median_ratio(speeds["ours"], speeds["als"]),
        "ratios_implicit": {name: median_ratio(speeds["ours"], speeds[name]) for name in PEERS},
        "answers_per_second": {name: statistics.median(each) for name, each in speeds.items()},
        "items": shop.client.hlen(item_store.RECORDS),
        "bytes_per_item": store / shop.client.hlen(item_store.RECORDS),  # type: ignore[operator]
        "bytes_per_list": size / number,
        "customers_ranked_per_second": number / took,
    }


def _purchases(log: Sequence[Event]) -> Purchases:
    reader = PurchaseReader()
    for event in log:
        reader.take(event)
    return reader.purchases()


def _with_lists(shop: Workshop, past: Purchases) -> list[str]:
    return [one for one in past.customers if shop.client.exists(ranked.key(one))]


def _ours(shop: Workshop, customers: Sequence[str], now: float, at_once: int) -> None:
    """As the API does it: lists are read, and what products are called, unless that is at hand."""
    recommender = Recommender(shop.client)
    for start in range(0, len(customers), at_once):
        asked = [("GET", ranked.key(customer)) for customer in customers[start : start + at_once]]
        lists = bulk.ask(shop.client, tuple, asked)
        wanted = [Wanted((), now, Stage.ACTIVE, TOP, ranked=ranked.decode(raw)) for raw in lists]
        for answer in recommender.recommend(wanted, now=now):
            if len(answer) < TOP:
                raise RuntimeError(f"expected {TOP} products, found {len(answer)}")


def _implicit(model: Any, counts: Any, customers: Iterable[Any]) -> None:
    for customer in customers:
        model.recommend(customer, counts[customer], N=TOP, filter_already_liked_items=False)


def compare_flows(shop: Workshop, lines: Sequence[bytes], rounds: int) -> Result:
    """Events a second of the flow with and without item statistics."""
    sides: dict[str, Callable[[], None]] = {
        "with": partial(_with_statistics, shop, lines),
        "without": partial(ours, shop, lines),
    }
    speeds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(1, rounds + 1):
        for name, side in sides.items():
            emptied(shop)
            speeds[name].append(len(lines) / seconds(side))
        say(f"round {number}: " + ", ".join(f"{name} {each[-1]:,.0f}/s" for name, each in speeds.items()))
    return {
        "ratio_flow": median_ratio(speeds["with"], speeds["without"]),
        "events_per_second": {name: statistics.median(each) for name, each in speeds.items()},
    }


def _with_statistics(shop: Workshop, lines: Sequence[bytes]) -> None:
    sink = FeatureSink(shop.client, RejectedLog(shop.settings.rejected), system_clock)
    updater, source = Updater(OnlineStore(shop.client)), ImportSource(1, lines)
    run(build(source, sink, updater, items=ItemKeeper(shop.client), shelf=ItemSink(shop.client)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = options(__doc__)
    parser.add_argument("--items", type=int, default=100_000, help="items of the base")
    parser.add_argument("--asked", type=int, default=1_000, help="customers who are asked for")
    parser.add_argument("--events", type=int, default=300_000, help="events that the flow takes")
    parser.add_argument("--customers", type=int, default=12_000, help="their customers")
    parser.add_argument("--rounds", type=int, default=3, help="turns that each side gets")
    parser.add_argument("--no-online-retail", action="store_true", help="leave out the log of the real shop")
    given = parser.parse_args(arguments)
    with workshop() as shop:
        result = compare_answers(shop, given.items, given.asked, given.rounds)
        result |= compare_flows(shop, generated(given.events, given.customers), given.rounds)
        retail = None if given.no_online_retail else online_retail(Path(shop.settings.rejected))
        if retail is not None:
            result["online_retail"] = compare_flows(shop, retail, given.rounds)
    show(result, as_json=given.json)


if __name__ == "__main__":
    main()
