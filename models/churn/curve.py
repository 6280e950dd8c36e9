"""The churn curve: the one place where a model's document turns signals into probabilities.

Training, the API, the stream, the sweep and MLflow's `pyfunc` score through it. It imports neither LightGBM's
package nor scikit-learn, so it loads in milliseconds.
"""

import math
import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ebbtide.errors import ModelError
from models.booster import FastBooster
from models.churn.artefact import Artefact, Churned
from models.churn.inputs import Inputs

Array = NDArray[np.float64]


class ChurnCurve:
    """Probabilities of churn by horizon. May be shared by threads.

    With silence as churn, the probability of no order falls as the horizon grows; with cancellations, the
    probability of one rises. What the horizons say apart is drawn together to hold that: each value is the
    mean of the extremes on both sides of it.

    Args:
        artefact: the model.

    Raises:
        ModelError: the document contradicts itself, or its trees cannot be read.
    """

    def __init__(self, artefact: Artefact) -> None:
        self.artefact = artefact
        self.days = artefact.days
        width = len(artefact.names)
        self._row = np.empty(width)
        self._boosters = [FastBooster(each.trees, self._row) for each in artefact.horizons]
        self._inputs = Inputs(artefact.scale)
        linear = [each.linear for each in artefact.horizons]
        try:
            self._weights = np.array([each.weights for each in linear]).reshape(len(linear), width)
            self._missing = np.array([each.missing for each in linear]).reshape(len(linear), width)
        except ValueError as error:
            raise ModelError(
                f"churn model: expected {width} weights a horizon, found {error}; train it again"
            ) from error
        self._bias = np.array([each.bias for each in linear])
        self._trees_share = np.array([each.trees_share for each in artefact.horizons])
        self._linear_share = np.array([each.linear_share for each in artefact.horizons])
        self._falls = artefact.churned == Churned.SILENCE
        self._lock = threading.Lock()

    def predict_one(self, vector: Sequence[float] | Array) -> list[float]:
        """Give the probability for each horizon, from one vector of signals (NaN is missing).

        Raises:
            ModelError: the vector has another length than the model's signals.
        """
        self._check_width(len(vector))
        with self._lock:
            trees = self._trees(vector)
            values, missing = self._inputs(self._row)
            linear = self._weights @ values + self._missing @ missing + self._bias
        odds = self._trees_share * trees + self._linear_share * linear
        return self._ordered_one(list(map(_probability, odds.tolist())))

    def predict_few(self, matrix: Array) -> list[list[float]]:
        """`predict_one` of each row of a matrix of shape (n, signals), equal to the last bit, in less time.

        What is told in a receipt is scored again alone when it is replayed, so the two may not differ.
        `predict_many` may, since it multiplies matrices; below a dozen rows it takes longer, too.
        """
        self._check_width(matrix.shape[1])
        values, missing = self._inputs(matrix)
        # Row by row, in C: the product of two matrices rounds otherwise.
        linear = self._weights @ values[..., None] + self._missing @ missing[..., None]
        with self._lock:
            trees = np.array([self._trees(row) for row in matrix])
        odds = self._trees_share * trees + self._linear_share * (linear[..., 0] + self._bias)
        return [self._ordered_one(list(map(_probability, row))) for row in odds.tolist()]

    def predict_many(self, matrix: Array) -> Array:
        """Give the probabilities, shape (n, horizons), for a matrix of shape (n, signals)."""
        signals = np.asarray(matrix, dtype=np.float64)
        found: Array = 1.0 / (1.0 + np.exp(-np.maximum(self.log_odds(signals), -700.0)))
        return self._ordered_many(found)

    def log_odds(self, matrix: Array) -> Array:
        """Give the log-odds of each horizon by itself, shape (n, horizons)."""
        self._check_width(matrix.shape[1])
        values, missing = self._inputs(matrix)
        linear = values @ self._weights.T + missing @ self._missing.T + self._bias
        trees = np.column_stack([booster.score_many(matrix) for booster in self._boosters])
        found: Array = self._trees_share * trees + self._linear_share * linear
        return found

    def contributions(self, vector: Sequence[float], days: int) -> Array:
        """Say how much each signal moves the log-odds of a horizon: shape (signals + 1,), the base last.

        They add up to `log_odds`. SHAP values of the trees (see `FastBooster.contributions`) and those of the
        linear partner, which for a linear model are its terms. Takes a millisecond or two.
        """
        self._check_width(len(vector))
        place = self.days.index(days)
        signals = np.array(vector, dtype=np.float64)
        found: Array = self._trees_share[place] * self._boosters[place].contributions(signals)
        values, missing = self._inputs(signals)
        terms = self._weights[place] * values + self._missing[place] * missing
        found[:-1] += self._linear_share[place] * terms
        found[-1] += self._linear_share[place] * self._bias[place]
        return found

    def median_days(self, probabilities: Sequence[float]) -> float | None:
        """Days after which half of such customers have ordered (or cancelled), from one row's probabilities.

        Log-linear between horizons, from none at day 0; None if the curve does not get there by the last.
        """
        left = [p if self._falls else 1.0 - p for p in probabilities]  # share that nothing happened to yet
        before, day = 1.0, 0
        for share, days in zip(left, self.days, strict=True):
            if share <= 0.5:
                fall = math.log(before / max(share, 1e-12))
                return day + (days - day) * math.log(before / 0.5) / fall
            before, day = share, days
        return None

    def _trees(self, vector: Sequence[float] | Array) -> list[float]:
        """What the trees of each horizon say of a vector; under the lock, as they share its place."""
        self._row[:] = vector
        return [booster.score_row() for booster in self._boosters]

    def _ordered_one(self, found: list[float]) -> list[float]:
        """As `_ordered_many`, for one row, in a sixth of the time."""
        count = len(found)
        if count == 1:
            return found
        pick, other = (min, max) if self._falls else (max, min)
        left, right = found.copy(), found.copy()
        for place in range(1, count):
            left[place] = pick(left[place - 1], left[place])
            right[-place - 1] = other(right[-place], right[-place - 1])
        return [(a + b) / 2.0 for a, b in zip(left, right, strict=True)]

    def _ordered_many(self, found: Array) -> Array:
        pick, other = (np.minimum, np.maximum) if self._falls else (np.maximum, np.minimum)
        left: Array = pick.accumulate(found, axis=1)
        right: Array = other.accumulate(found[:, ::-1], axis=1)[:, ::-1]
        return (left + right) / 2.0

    def _check_width(self, found: int) -> None:
        if found != len(self.artefact.names):
            raise ModelError(
                f"churn model: expected {len(self.artefact.names)} values in a vector, found {found}; "
                "the model and the catalog differ, train it again"
            )


def _probability(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-log_odds)) if log_odds > -700.0 else 0.0
