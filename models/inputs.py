"""What the linear partner sees of the signals: logarithms, scaled, with a mark where a value is missing.

Counts, money and days differ by orders of magnitude; sign(x) * log(1 + |x|) brings them together and keeps
zero and sign. A missing value stands at the centre, and its mark says that it is missing.

A few signals are also multiplied with each other and themselves: what a silence means depends on how often
and for how long somebody has ordered, which no sum of the single signals can say.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.artefact import Scale

Array = NDArray[np.float64]
FURTHEST = 5.0
"""Widths from the centre at which a value is cut, so that one odd value cannot decide alone."""
CROSSED = (
    "recency_days",
    "orders_total",
    "tenure_days",
    "gap_mean_days",
    "overdue_ratio",
    "spend_total",
)
"""Signals that are multiplied: recency, frequency and money, with the time they took and the own rhythm."""
FURTHEST_CROSSED = 3.0
"""Widths at which their values are cut before: a product of two odd values is odder still."""


def scale_of(matrix: Array) -> Scale:
    """Centre and width of each column of a matrix of shape (n, signals); NaN is missing."""
    logs = _logs(matrix)
    missing = np.isnan(logs)
    counts = np.maximum(len(logs) - missing.sum(axis=0), 1)
    logs[missing] = 0.0
    centre = logs.sum(axis=0) / counts
    logs -= centre
    logs[missing] = 0.0
    spread = np.sqrt(np.einsum("ij,ij->j", logs, logs) / counts)
    per_width = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-9)
    return Scale(tuple(centre.tolist()), tuple(per_width.tolist()))


class Inputs:
    """Turns signals into the linear partner's inputs.

    Args:
        scale: of each signal.
        crossed: places of the signals that are multiplied.
    """

    def __init__(self, scale: Scale, crossed: Sequence[int] = ()) -> None:
        self.scale = scale
        self._centre = np.asarray(scale.centre)
        self._per_width = np.asarray(scale.per_width)
        first, second = np.triu_indices(len(crossed))
        self._factors = np.asarray(crossed, dtype=np.intp)[np.concatenate([first, second])]
        self.signals, self.products = len(scale.centre), len(first)
        self.width = 2 * self.signals + self.products
        """How many inputs there are."""

    def __call__(self, signals: Array) -> Array:
        """Give the inputs, shape (..., width), for signals of shape (..., signals).

        First the scaled values (0 where missing), then marks of the missing (1), then the products: of the
        first crossed signal with itself and each later one, of the second, and so on.
        """
        found = np.empty((*signals.shape[:-1], self.width))
        values, missing = found[..., : self.signals], np.isnan(signals)
        _logs(signals, values)
        values -= self._centre
        values *= self._per_width
        np.maximum(values, -FURTHEST, out=values)
        np.minimum(values, FURTHEST, out=values)
        values[missing] = 0.0
        found[..., self.signals : 2 * self.signals] = missing
        if self.products:
            factors = values.take(self._factors, axis=-1)
            np.maximum(factors, -FURTHEST_CROSSED, out=factors)
            np.minimum(factors, FURTHEST_CROSSED, out=factors)
            first, second = factors[..., : self.products], factors[..., self.products :]
            np.multiply(first, second, out=found[..., 2 * self.signals :])
        return found

    def by_signal(self, terms: Array) -> Array:
        """Add terms of the inputs, shape (width,), up by signal, shape (signals,).

        A product's is shared by its two signals, which is its Shapley value about the centre.
        """
        found: Array = terms[: self.signals] + terms[self.signals : 2 * self.signals]
        halves = terms[2 * self.signals :] / 2.0
        np.add.at(found, self._factors, np.concatenate([halves, halves]))
        return found


def _logs(signals: Array, out: Array | None = None) -> Array:
    logs = np.abs(signals, out=out)
    np.log1p(logs, out=logs)
    found: Array = np.copysign(logs, signals, out=logs)
    return found
