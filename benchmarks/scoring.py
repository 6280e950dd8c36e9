"""The churn model's speed: one customer, the whole base, and training, each against LightGBM itself.

All sides run in turns, on one thread each but for the sweep, which reads the next customers while a second
thread scores the last; a ratio is the median of those of the rounds. The model that scores has for each
horizon the number of trees that training chose on held-out cut-offs.

- `ratio_single_row`: time from a state in memory to the calibrated curve (signals, trees and linear partners
  of every horizon), over LightGBM's own single-row-fast call for the same trees, its row filled from a
  ready matrix. `ratio_single_row_with_decoding` adds the time to decode the state.
- `ratio_sweep`: customers a second from the store to scores (read, decode, signals, curve, stage, value),
  over `Booster.predict` for the same trees on a ready matrix of some of the same customers.
- `ratio_training`: time of `models.churn.churn.train` for one horizon, over `lightgbm.train` on the same
  matrix with the same parameters and number of trees. Nothing is tuned, as no cut-off can be held out.
"""

import statistics
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice

import lightgbm
import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.events import generate
from benchmarks.report import Result, median_ratio, options, seconds, show, told
from benchmarks.workshop import SEED, Workshop, workshop
from ebbtide.domain.event import decode as decode_event
from features.catalog import NAMES, VERSION
from features.profile import State, decode, encode, new_state, update, vector
from features.store.online import OnlineStore
from features.store.row import Row
from models.churn.churn import FALLBACK_ROUNDS, Plan, defaults, label, train
from models.churn.curve import ChurnCurve
from models.churn.scorer import ChurnScorer
from models.churn.sweep import Array, matrix, sweep
from models.value.value import Valuer

MAIN, ACTIVE = 60, 120
KINDS = 2_000
"""Different states; a larger base repeats them."""
EVENTS = 6
"""Events of a customer, on average."""
TRAINED = 20_000
"""Rows that train, where training is measured."""
TOLD = (
    "recency_days",
    "spend_90d",
    "active_days_30d",
    "tenure_days",
    "events_30d",
    "weekend_share",
    "order_value_mean",
    "orders_90d",
    "products_viewed_total",
)
"""Signals on which the labels depend, which makes for about as many trees as real logs do."""
CUTS = 8
"""Cut-offs of the rows that train the model which scores."""


def population(customers: int) -> tuple[list[State], float]:
    """States of generated customers with few events each, and the time of the last event."""
    states: dict[str, State] = {}
    last = 0.0
    for raw in generate(customers * EVENTS, customers, SEED):
        event = decode_event(raw)
        update(states.setdefault(event.customer, new_state()), event)
        last = max(last, event.at)
    return list(states.values()), last


def frame(signals: Array, rows: int, cuts: int = 1) -> pd.DataFrame:
    """Training rows of so many cut-offs, with labels that depend on several signals and pairs of them."""
    rng = np.random.default_rng(SEED)
    drawn = signals[rng.integers(len(signals), size=rows)] * rng.uniform(0.7, 1.3, (rows, len(NAMES)))
    found = pd.DataFrame(drawn, columns=list(NAMES))
    moments = [
        datetime(2025, 3, 1, tzinfo=UTC) + timedelta(days=30 * (n * cuts // rows)) for n in range(rows)
    ]
    found["cutoff"] = pd.Series(moments).astype("datetime64[us, UTC]")
    rank = found[list(TOLD)].fillna(0.0).rank(pct=True).to_numpy()
    odds = 4.0 * rank[:, 0] - 2.0 + 4.0 * np.sin(3.0 * rank[:, 1:-1] * rank[:, 2:] + rank[:, :1]).mean(axis=1)
    for days in Plan(MAIN, ACTIVE).days:
        found[label(days)] = (rng.random(rows) < 1 / (1 + np.exp(-odds + days / 90))).astype(float)
    return found


def single_row(curve: ChurnCurve, states: Sequence[State], now: float, rounds: int) -> Result:
    """A customer's curve, against LightGBM's calls alone."""
    signals, encoded = matrix(list(states), now), [encode(state) for state in states]
    row, boosters = curve._row, curve._boosters

    def ours() -> None:
        for state in states:
            curve.predict_one(vector(state, now))

    def calls() -> None:
        for values in signals:
            row[:] = values
            for booster in boosters:
                booster.score_row()

    def decoding() -> None:
        for raw in encoded:
            decode(raw)

    sides = {"ours": ours, "lightgbm": calls, "decoding": decoding}
    took = {name: [] for name in sides}  # type: dict[str, list[float]]
    for _ in range(rounds):
        for name, work in sides.items():
            took[name].append(seconds(work) / len(states) * 1e6)
    with_decoding = [a + b for a, b in zip(took["ours"], took["decoding"], strict=True)]
    return {
        "ratio_single_row": median_ratio(took["ours"], took["lightgbm"]),
        "ratio_single_row_with_decoding": median_ratio(with_decoding, took["lightgbm"]),
        "microseconds_single_row": {name: statistics.median(each) for name, each in took.items()},
    }


def whole_base(shop: Workshop, curve: ChurnCurve, states: list[State], now: float, given: Result) -> Result:
    """A sweep of everyone, against `Booster.predict` on rows that are there already."""
    store, scorer = OnlineStore(shop.client), ChurnScorer("benchmark", curve.artefact)
    customers = given["customers"]
    encoded = [(encode(state), state.last_at) for state in states]
    with told(f"{customers:,} customers stored"):
        rows = (Row(f"c{n}", *encoded[n % len(encoded)]) for n in range(customers))
        while batch := list(islice(rows, 10_000)):
            store.write_rows(batch)
    boosters = [lightgbm.Booster(model_str=each.trees) for each in curve.artefact.horizons]
    ready = np.tile(matrix(states, now), (max(min(customers, 20_000) // len(states), 1), 1))
    rates: dict[str, list[float]] = {"ours": [], "lightgbm": []}

    def ours() -> None:
        for _ in sweep(store, scorer, Valuer().predict_many, now):
            pass

    def predict() -> None:
        for booster in boosters:
            booster.predict(ready, raw_score=True, num_threads=1)

    for _ in range(given["rounds"]):
        rates["lightgbm"].append(len(ready) / seconds(predict))
        with told("swept"):
            rates["ours"].append(customers / seconds(ours))
    return {
        "ratio_sweep": median_ratio(rates["ours"], rates["lightgbm"]),
        "customers_per_second": {name: statistics.median(each) for name, each in rates.items()},
    }


def training(rows: pd.DataFrame, rounds: int) -> Result:
    """A fit, against `lightgbm.train` alone."""
    plan = Plan(MAIN, ACTIVE, horizons=())
    ready, labels = rows[list(NAMES)].to_numpy(), rows[label(MAIN)].to_numpy()

    def alone() -> None:
        lightgbm.train(defaults(len(rows), plan.seed), lightgbm.Dataset(ready, labels), FALLBACK_ROUNDS)

    took: dict[str, list[float]] = {"ours": [], "lightgbm": []}
    for _ in range(rounds):
        took["ours"].append(seconds(partial(train, rows, NAMES, VERSION, plan)))
        took["lightgbm"].append(seconds(alone))
    return {
        "ratio_training": median_ratio(took["ours"], took["lightgbm"]),
        "seconds_training": {name: statistics.median(each) for name, each in took.items()},
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = options(__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000, help="customers of the sweep")
    parser.add_argument("--rows", type=int, default=TRAINED, help="rows that train")
    parser.add_argument("--rounds", type=int, default=3, help="turns that each side gets")
    given = parser.parse_args(arguments)
    states, now = population(min(given.customers, KINDS))
    signals = matrix(states, now)
    # The linear algebra libraries would take a thread for each core.
    with threadpool_limits(1), told("measured"):
        with told("trained"):
            model = train(frame(signals, given.rows // 2, CUTS), NAMES, VERSION, Plan(MAIN, ACTIVE))
        curve = ChurnCurve(model.artefact)
        result: Result = {"trees": sum(each.rounds for each in model.chosen.values())}
        result |= single_row(curve, states[:500], now, given.rounds * 5)
        result |= training(frame(signals, given.rows), given.rounds)
        with workshop() as shop:
            result |= whole_base(shop, curve, states, now, vars(given))
    show(result, as_json=given.json)


if __name__ == "__main__":
    main()
