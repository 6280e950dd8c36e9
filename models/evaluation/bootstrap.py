"""How sure a measured quality is: bootstrap intervals, with whole customers drawn anew.

A customer seen at several cut-offs gives rows that resemble each other, so rows are drawn customer by
customer: all rows of one, or none. Differences of two models are taken within each draw (paired), so that
what makes a draw easy or hard for both cancels.

Metrics are those of `models.evaluation.evaluate`, by its names, here computed from rows that are in order of
probability already: a draw keeps the order, so nothing is sorted twice.

Sources: Efron 1979, "Bootstrap methods: another look at the jackknife" (percentile intervals); Field and
Welsh 2007, "Bootstrapping clustered data".
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ebbtide.errors import ModelError
from models.evaluation.evaluate import BINS, Labels, Probabilities

Array = NDArray[np.float64]
SAMPLES = 500
LEVEL = 0.95
CLOSEST = 1e-15
"""How near to 0 or 1 a logarithm is still taken, so that one certain mistake is not infinite."""


class Gain(NamedTuple):
    """By how much a model is better than another, and the ends of the 95% interval of that."""

    gain: float
    low: float
    high: float


def intervals(
    churned: Labels,
    probability: Probabilities,
    groups: NDArray[Any],
    metrics: Sequence[str] = (),
    samples: int = SAMPLES,
    seed: int = 7,
) -> dict[str, tuple[float, float]]:
    """Give the 95% interval of each metric (all of `METRICS` if none is named).

    Args:
        churned: labels, shape (n,).
        probability: shape (n,).
        groups: who each row is about, shape (n,): rows of one customer are drawn together.
        metrics: names, as in `models.evaluation.evaluate`.
        samples: how often to draw.
        seed: of the draws.

    Raises:
        ModelError: no draw holds both classes.
    """
    named = tuple(metrics) or tuple(METRICS)
    order = np.argsort(probability, kind="stable")
    labels, said = np.asarray(churned, dtype=float)[order], np.asarray(probability, dtype=float)[order]
    found = []
    for weights in _draws(groups, samples, seed):
        drawn = np.repeat(np.arange(len(order)), weights[order])
        if _both(labels[drawn]):
            found.append([METRICS[name](labels[drawn], said[drawn]) for name in named])
    ends = _ends(np.array(found))
    return {name: (float(low), float(high)) for name, low, high in zip(named, *ends, strict=True)}


def paired_gain(
    churned: Labels,
    ours: Probabilities,
    theirs: Probabilities,
    groups: NDArray[Any],
    metric: str = "roc_auc",
    samples: int = SAMPLES,
    seed: int = 7,
) -> Gain:
    """Say by how much `ours` is better than `theirs` on the same rows; above 0 is better for every metric.

    The same seed draws the same customers, whichever models are compared. Arguments as in `intervals`.

    Raises:
        ModelError: no draw holds both classes.
    """
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    labels = np.asarray(churned, dtype=float)
    measure = METRICS[metric]
    sorted_rows = [
        (order, labels[order], np.asarray(said, dtype=float)[order])
        for said in (ours, theirs)
        for order in [np.argsort(said, kind="stable")]
    ]

    def gain(weights: NDArray[np.int64]) -> float:
        mine, other = (
            measure(np.repeat(each, weights[order]), np.repeat(said, weights[order]))
            for order, each, said in sorted_rows
        )
        return sign * (mine - other)

    drawn = [[gain(weights)] for weights in _draws(groups, samples, seed) if _both(labels[weights > 0])]
    low, high = _ends(np.array(drawn))
    return Gain(gain(np.ones(len(labels), dtype=np.int64)), float(low[0]), float(high[0]))


def _draws(groups: NDArray[Any], samples: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """How often each row is in a draw of as many customers as there are, with replacement; shape (n,)."""
    _, whose = np.unique(groups, return_inverse=True)
    count = int(whose.max()) + 1
    rng = np.random.default_rng(seed)
    for _ in range(samples):
        yield np.bincount(rng.integers(count, size=count), minlength=count)[whose]


def _both(labels: Array) -> bool:
    return bool(labels.size) and bool(labels.min() < labels.max())


def _ends(found: Array) -> Array:
    """The ends of the interval of each column, from draws in rows."""
    if not len(found):
        raise ModelError(
            "bootstrap: expected draws with customers who churned and customers who stayed, found none; "
            "evaluate on more customers"
        )
    ends: Array = np.quantile(found, [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0], axis=0)
    return ends


def _steps(said: Array) -> NDArray[np.intp]:
    """Where a run of equal probabilities begins."""
    return np.concatenate([[0], np.flatnonzero(np.diff(said)) + 1])


def _roc_auc(labels: Array, said: Array) -> float:
    """The share of pairs (one churned, one stayed) in the right order; a tie counts half."""
    steps = _steps(said)
    left = np.add.reduceat(labels, steps)
    stayed = np.diff(np.append(steps, len(said))) - left
    below = np.cumsum(stayed) - stayed
    return float(left @ (below + stayed / 2.0) / (left.sum() * stayed.sum()))


def _average_precision(labels: Array, said: Array) -> float:
    steps = _steps(said)
    left = np.add.reduceat(labels, steps)
    caught = np.cumsum(left[::-1])
    alarmed = len(said) - steps[::-1]
    return float(left[::-1] @ (caught / alarmed) / left.sum())


def _log_loss(labels: Array, said: Array) -> float:
    held = np.clip(said, CLOSEST, 1.0 - CLOSEST)
    return float(-np.mean(np.where(labels > 0.0, np.log(held), np.log1p(-held))))


def _brier_score(labels: Array, said: Array) -> float:
    return float(np.mean((said - labels) ** 2))


def _expected_calibration_error(labels: Array, said: Array) -> float:
    """Bins are those of `numpy.array_split`: the first few hold one row more."""
    bins = min(BINS, len(said))
    size, more = divmod(len(said), bins)
    begins = np.arange(bins) * size + np.minimum(np.arange(bins), more)
    return float(np.abs(np.add.reduceat(said - labels, begins)).sum() / len(said))


def _lift_at_10(labels: Array, said: Array) -> float:
    top = max(1, round(0.1 * len(said)))
    edge = said[-top]
    above = int(np.searchsorted(said, edge, side="right"))
    tied = labels[np.searchsorted(said, edge, side="left") : above]
    caught = labels[above:].sum() + tied.mean() * (top - (len(said) - above))
    return float(caught / top / labels.mean())


METRICS: dict[str, Callable[[Array, Array], float]] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "log_loss": _log_loss,
    "brier_score": _brier_score,
    "expected_calibration_error": _expected_calibration_error,
    "lift_at_10": _lift_at_10,
}
LOWER_IS_BETTER = frozenset({"log_loss", "brier_score", "expected_calibration_error"})
