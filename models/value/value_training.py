"""How a model of value is trained: on what customers spent after past moments, judged on a later one.

The states of the history say both what was known at a moment and, some time later, what was spent since.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features import catalog
from features.history import History
from features.profile import decode, vector
from models.booster import REPEATABLE
from models.value.value import RFM, YEAR_DAYS, Value, kept, rfm

if TYPE_CHECKING:
    import lightgbm

Array = NDArray[np.float64]

STRETCHES = (YEAR_DAYS, 270, 180, 90, 60, 30)
"""Days of spending that may be learned; the longest that the log allows is."""
MOST_CUSTOMERS = 20_000
LEAST_ROWS, LEAST_SPENDERS = 100, 20
CUTS, STEP_DAYS, WARM_DAYS = 6, 30, 60
"""Moments to train on at most, the days between them, and those of the log before the first."""
POWER = 1.5
ROUNDS, PATIENCE = 300, 30
DAY = 86_400.0
_SPENT, _REFUNDED = catalog.NAMES.index("spend_total"), catalog.NAMES.index("refund_share")
_ORDERED = catalog.NAMES.index("orders_365d")


class Rows(NamedTuple):
    """Signals of shape (n, signals) and the money spent after them, less refunds, shape (n,)."""

    signals: Array
    spent: Array

    @property
    def enough(self) -> bool:
        """Whether something can be learned from them."""
        return len(self.spent) >= LEAST_ROWS and int((self.spent > 0).sum()) >= LEAST_SPENDERS

    @property
    def whole(self) -> tuple[Array, Array]:
        """What would have been spent with nothing taken back, and how much each row says of it; shape (n,).

        The variance of money grows with its mean to the power of `POWER`, so a row of which a share is left
        counts by that share to the power of 2 less that.
        """
        share = kept(self.signals)
        return self.spent / share, share ** (2.0 - POWER)


class Stretch(NamedTuple):
    """So many days of spending, learned from moments in `cuts`, judged on a later one; in Unix seconds."""

    days: int
    cuts: tuple[float, ...]
    held: float

    @property
    def moments(self) -> tuple[float, ...]:
        """When the history must be exact for it."""
        starts = (*self.cuts, self.held)
        return (*starts, *(start + self.days * DAY for start in starts))


def stretches(first: float, last: float) -> Iterator[Stretch]:
    """The stretches that a log from `first` to `last` (Unix seconds) is long enough for, longest first."""
    for days in STRETCHES:
        held = last - days * DAY
        cuts = [held - days * DAY - n * STEP_DAYS * DAY for n in range(CUTS)]
        if cuts := [cut for cut in cuts if cut >= first + WARM_DAYS * DAY]:
            yield Stretch(days, tuple(cuts), held)


def fit(history: History, *, seed: int, tell: Callable[[str], object] = str) -> Value | None:
    """Train on a history; None if it is too short, or too few spend, to learn from.

    Args:
        history: made anew with the moments that it has not.
        seed: the same history and seed give the same model.
        tell: hears what is being done.
    """
    span = history.span()
    if span is None:
        return None
    for stretch in stretches(span.first, span.last):
        tell(f"{stretch.days} days")
        history.include(stretch.moments)
        reader = _Reader(history)
        past = _joined([reader.rows(cut, stretch.days) for cut in stretch.cuts])
        held = reader.rows(stretch.held, stretch.days)
        if past.enough and held.enough:
            return _chosen(past, held, stretch.days, seed)
    return None


def _chosen(past: Rows, held: Rows, days: int, seed: int) -> Value:
    """Whichever of the two is nearer on the held-out moment, trained again on all rows."""
    trees, plain = _grow(past, held, seed), _plain(past)
    deviance = {
        "trees": _deviance(held.spent, np.asarray(trees.predict(held.signals)) * kept(held.signals)),
        "rfm": _deviance(held.spent, plain(held.signals)),
    }
    every = _joined([past, held])
    final = _plain(every)
    text = ""
    if deviance["trees"] < deviance["rfm"]:
        text = _grow(every, None, seed, trees.best_iteration).model_to_string()
    return Value(catalog.VERSION, catalog.NAMES, days, text, final.weights, final.bias, deviance)


class _Plain(NamedTuple):
    weights: tuple[float, ...]
    bias: float

    def __call__(self, signals: Array) -> Array:
        logs = self.bias + rfm(_columns(signals)) @ np.array(self.weights)
        found: Array = np.exp(logs) * kept(signals)
        return found


def _plain(rows: Rows) -> _Plain:
    from sklearn.linear_model import TweedieRegressor

    found = TweedieRegressor(power=POWER, link="log", alpha=0.01, max_iter=1000)
    found.fit(rfm(_columns(rows.signals)), *rows.whole)
    return _Plain(tuple(found.coef_.tolist()), float(found.intercept_))


def _grow(past: Rows, held: Rows | None, seed: int, rounds: int = ROUNDS) -> "lightgbm.Booster":
    import lightgbm

    params: dict[str, Any] = {
        "objective": "tweedie",
        "tweedie_variance_power": POWER,
        "num_leaves": 8,
        "learning_rate": 0.05,
        "min_data_in_leaf": int(np.clip(len(past.spent) // 200, 10, 100)),
        "feature_fraction": 0.3,
        "lambda_l2": 5.0,
        "seed": seed,
        **REPEATABLE,
    }
    if held is None:
        return lightgbm.train(params, _dataset(past), num_boost_round=max(rounds, 1))
    return lightgbm.train(
        params,
        _dataset(past),
        num_boost_round=rounds,
        valid_sets=[_dataset(held)],
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
    )


def _dataset(rows: Rows) -> "lightgbm.Dataset":
    import lightgbm

    money, weight = rows.whole
    return lightgbm.Dataset(rows.signals, money, weight=weight)


def _deviance(spent: Array, expected: Array) -> float:
    from sklearn.metrics import mean_tweedie_deviance

    return float(mean_tweedie_deviance(spent, np.maximum(expected, 1e-6), power=POWER))


def _columns(signals: Array) -> Array:
    found: Array = signals[:, [catalog.NAMES.index(name) for name in RFM]]
    return found


def _joined(parts: list[Rows]) -> Rows:
    return Rows(np.vstack([part.signals for part in parts]), np.concatenate([part.spent for part in parts]))


def _left(vector: Sequence[float]) -> float:
    """What a customer has spent so far and not taken back."""
    refunded = vector[_REFUNDED]
    return vector[_SPENT] * (1.0 if math.isnan(refunded) else 1.0 - refunded)


class _Reader:
    """Reads the states of a history as they stood at moments, of a sample of the customers."""

    def __init__(self, history: History) -> None:
        import duckdb

        self._file = str(history.file)
        self._db = duckdb.connect()
        count = "SELECT approx_count_distinct(customer_id) FROM read_parquet($file)"
        found = self._db.execute(count, {"file": self._file}).fetchone()
        self._share = 1 + (found[0] if found else 0) // MOST_CUSTOMERS

    def rows(self, moment: float, days: int) -> Rows:
        """Those who ordered in the year before a moment, and what they spent in the days after it."""
        later = self._states(moment + days * DAY)
        signals, spent = [], []
        for customer, raw in self._states(moment).items():
            before, after = decode(raw), decode(later[customer])
            found = vector(before, moment)
            if before.merged_into or after.merged_into or not found[_ORDERED]:
                continue
            signals.append(found)
            spent.append(max(_left(vector(after, moment + days * DAY)) - _left(found), 0.0))
        return Rows(np.array(signals).reshape(-1, len(catalog.NAMES)), np.array(spent))

    def _states(self, moment: float) -> dict[str, bytes]:
        found = self._db.execute(
            "SELECT customer_id, arg_max(state, event_timestamp) FROM read_parquet($file) "
            "WHERE event_timestamp <= make_timestamptz($micros) AND hash(customer_id) % $share = 0 "
            "GROUP BY customer_id ORDER BY customer_id",
            {"file": self._file, "micros": round(moment * 1e6), "share": self._share},
        ).fetchall()
        return {customer: bytes(raw) for customer, raw in found}
