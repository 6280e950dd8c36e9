"""The profile's speed: state read and signals computed, against Feast's SDK and a bare HMGET of the hash.

All sides run in turns over one Redis, a number of reads each, in one process whose collector is set as that
of the API, which helps all of them. A ratio is the median of those of the rounds.
"""

import statistics
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle
from typing import Any

from benchmarks.flow import ours as stream
from benchmarks.report import Result, median_ratio, options, seconds, show, told
from benchmarks.workshop import Workshop, generated, workshop
from ebbtide.domain.event import decode
from ebbtide.jobs.apply import apply
from features.profile import new_state, vector, vectors
from features.store import layout
from features.store.online import OnlineStore
from serving.services import collect_seldom

MANY = 100
"""Customers of a segment, read together."""
LONGER = 40
"""So many times as long does a read of many take, about: turns of both sizes last alike."""
FEAST_SHARE = 5
"""Feast reads a fifth as often: it takes long and says the same."""

Reader = Callable[[Sequence[str]], object]


def profiles(store: OnlineStore, now: float, customers: Sequence[str]) -> list[list[float]]:
    """What the API does for customers: read their states, compute all signals at `now`."""
    if len(customers) == 1:
        return [vector(store.read(customers[0]) or new_state(), now)]
    return vectors([state or new_state() for state in store.read_many(customers)], now)


def known(store: OnlineStore) -> list[str]:
    """The customers of whom there is something to read: not the sign posts to those they turned out to be."""
    names = sorted(name for chunk in store.customers() for name in chunk)
    states = zip(names, store.read_many(names), strict=True)
    return [name for name, state in states if state is not None and not state.merged_into]


def hashes(client: Any, customers: Sequence[str]) -> object:
    """The same hashes as they are, not decoded."""
    fields = (layout.STATE_FIELD, layout.TIME_FIELD)
    if len(customers) == 1:
        return client.hmget(layout.key(customers[0]), fields)
    pipe = client.pipeline(transaction=False)
    for customer in customers:
        pipe.hmget(layout.key(customer), fields)
    return pipe.execute()


def feast_features(feast: Any, service: Any, now: float, customers: Sequence[str]) -> object:
    """The same signals by Feast's SDK."""
    rows = [{layout.ENTITY_KEY: customer, "now": now} for customer in customers]
    return feast.get_online_features(features=service, entity_rows=rows).to_dict()


def agree(ours: Sequence[Sequence[float]], feast: dict[str, list[float]]) -> bool:
    """Whether both sides gave the same: else there is nothing to compare. Feast gives NaN as None or NaN."""
    names = [name for name in feast if name != layout.ENTITY_KEY]
    theirs = zip(*(feast[name] for name in names), strict=True)
    return all(
        a == b or (a != a and (b is None or b != b))
        for own, other in zip(ours, theirs, strict=True)
        for a, b in zip(own, other, strict=True)
    )


def measure(
    readers: dict[str, Reader], groups: Sequence[Sequence[str]], rounds: int
) -> dict[str, list[float]]:
    """Milliseconds per read of each side, for each round."""
    took: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(rounds):
        for name, read in readers.items():
            mine = groups[: max(len(groups) // FEAST_SHARE, 1)] if name == "feast" else groups
            took[name].append(seconds(partial(_read_all, read, mine)) / len(mine) * 1e3)
    return took


def _read_all(read: Reader, groups: Sequence[Sequence[str]]) -> None:
    for customers in groups:
        read(customers)


def compare(shop: Workshop, customers: Sequence[str], now: float, reads: int, rounds: int) -> Result:
    """Ratios and milliseconds for one customer and for many."""
    with told("Feast's registry made"):
        feast: Any = apply(shop.settings, shop.url)
    service = feast.get_feature_service("churn")
    readers: dict[str, Reader] = {
        "ours": partial(profiles, OnlineStore(shop.client), now),
        "raw": partial(hashes, shop.client),
        "feast": partial(feast_features, feast, service, now),
    }
    result: Result = {}
    collect_seldom()
    for size, count in ((1, reads), (MANY, max(reads // LONGER, FEAST_SHARE))):
        names = cycle(customers)
        groups = [[next(names) for _ in range(size)] for _ in range(count)]
        found: Any = feast_features(feast, service, now, groups[0])
        if not agree(profiles(OnlineStore(shop.client), now, groups[0]), found):
            raise RuntimeError("Feast's SDK gives other values than ours for the same customers")
        took = measure(readers, groups, rounds)
        result[f"ratio_feast_{size}"] = median_ratio(took["feast"], took["ours"])
        result[f"ratio_raw_{size}"] = median_ratio(took["ours"], took["raw"])
        result[f"milliseconds_{size}"] = {name: statistics.median(each) for name, each in took.items()}
    return result


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = options(__doc__)
    parser.add_argument("--events", type=int, default=500_000, help="events to generate")
    parser.add_argument("--customers", type=int, default=20_000, help="their customers")
    parser.add_argument("--reads", type=int, default=2_000, help="reads of one customer, in each round")
    parser.add_argument("--rounds", type=int, default=15, help="turns that each side gets")
    given = parser.parse_args(arguments)
    with workshop() as shop:
        lines = generated(given.events, given.customers)
        with told("streamed"):
            stream(shop, lines)
        customers = known(OnlineStore(shop.client))
        now = decode(lines[-1]).at
        result = compare(shop, customers, now, given.reads, given.rounds)
    show(result, as_json=given.json)


if __name__ == "__main__":
    main()
