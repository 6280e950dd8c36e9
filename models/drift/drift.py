"""Whether customers still look like those trained on, and whether the model still says what comes.

Pure functions of matrices of signals, shape (n, signals) with NaN for missing, and of labels.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from ebbtide.errors import ModelError
from models.evaluation.evaluate import Labels, Probabilities

Array = NDArray[np.float64]

BINS = 10
MOVED, SHIFTED = 0.1, 0.25
"""Stability indices from which a signal has moved a little, and a lot: the usual rules of thumb."""
HALF = 0.5
"""Added to each count, so that an empty bin has a logarithm."""


class Spread(msgspec.Struct, frozen=True):
    """How a signal's values spread: the share of customers in each bin, and last of those without a value.

    Bins end at `edges`, inclusive; the last but one has no end.
    """

    edges: tuple[float, ...]
    shares: tuple[float, ...]


class Population(msgspec.Struct, frozen=True):
    """How the signals of some customers spread."""

    rows: int
    signals: dict[str, Spread]


class Calibration(NamedTuple):
    """What was said at a cut-off, and what came: means over `rows` customers, and the total log loss.

    `low` and `high` are the ends of the 95% interval of `seen - said`.
    """

    cutoff: str
    rows: int
    said: float
    seen: float
    low: float
    high: float
    log_loss: float

    @property
    def off(self) -> bool:
        """Whether what came differs from what was said beyond chance."""
        return not self.low <= 0.0 <= self.high


def describe(matrix: Array, names: Sequence[str], bins: int = BINS) -> dict[str, Any]:
    """Describe how each signal spreads, as JSON can hold it: bins of equal count where values allow."""
    signals = {}
    for place, name in enumerate(names):
        column = matrix[:, place]
        known = column[~np.isnan(column)]
        inner = np.linspace(0.0, 1.0, bins + 1)[1:-1]
        edges = np.unique(np.quantile(known, inner, method="lower")) if len(known) else np.empty(0)
        signals[name] = Spread(tuple(edges.tolist()), tuple(_shares(column, edges).tolist()))
    found: dict[str, Any] = msgspec.to_builtins(Population(len(matrix), signals))
    return found


def population(kept: Mapping[str, Any]) -> Population:
    """Read what `describe` gave.

    Raises:
        ModelError: it is something else.
    """
    try:
        return msgspec.convert(kept, Population)
    except msgspec.ValidationError as error:
        raise ModelError(
            f"population of the training: expected shares by signal, found {error}; run `ebbtide train`"
        ) from error


def stability(trained: Population, matrix: Array, names: Sequence[str]) -> dict[str, float]:
    """Give the population stability index of each signal, the least stable first.

    PSI = sum over bins of (share now - share then) * ln(share now / share then); 0 for equal shares. Below
    0.1 nothing is seen in it, from 0.25 on the population is another (Lewis 1994, "An introduction to credit
    scoring"; Yurdakul and Naranjo 2020, "Statistical properties of the population stability index"). By
    chance alone it is about (bins - 1) * (1 / n then + 1 / n now).
    """
    found = {
        name: _index(trained.signals[name], matrix[:, place], trained.rows)
        for place, name in enumerate(names)
        if name in trained.signals
    }
    return dict(sorted(found.items(), key=lambda each: -each[1]))


def calibration(cutoff: str, churned: Labels, probability: Probabilities) -> Calibration:
    """Compare what was said at a cut-off with what came; labels and probabilities of shape (n,), n > 0.

    The interval is the normal one of a sum of independent labels that come true as was said.
    """
    held = np.clip(probability, 1e-12, 1.0 - 1e-12)
    loss = -np.mean(np.where(churned, np.log(held), np.log1p(-held)))
    said, seen, rows = float(probability.mean()), float(np.mean(churned)), len(churned)
    wide = 1.96 * math.sqrt(float(np.sum(held * (1.0 - held)))) / rows
    return Calibration(cutoff, rows, said, seen, seen - said - wide, seen - said + wide, float(loss))


def level(index: float) -> str:
    """Name a stability index: stable, moved or shifted."""
    return "shifted" if index >= SHIFTED else "moved" if index >= MOVED else "stable"


def _index(trained: Spread, column: Array, rows: int) -> float:
    edges = np.asarray(trained.edges)
    then, now = (
        _smoothed(np.asarray(shares), count)
        for shares, count in ((trained.shares, rows), (_shares(column, edges), len(column)))
    )
    return float(np.sum((now - then) * np.log(now / then)))


def _shares(column: Array, edges: Array) -> Array:
    """The share in each bin, of those missing last; shape (edges + 2,)."""
    missing = np.isnan(column)
    counts = np.bincount(np.searchsorted(edges, column[~missing], side="left"), minlength=len(edges) + 1)
    found: Array = np.append(counts, missing.sum()) / max(len(column), 1)
    return found


def _smoothed(shares: Array, rows: int) -> Array:
    found: Array = (shares * rows + HALF) / (rows + HALF * len(shares))
    return found
