"""What a policy would have got, from the log of another one that chose by known chances.

A row counts by its weight: the probability with which the policy judged would have taken the action that
was taken, over the probability with which the logging policy took it.

Sources: Horvitz and Thompson 1952 (IPS); Swaminathan and Joachims 2015, "The self-normalized estimator for
counterfactual learning" (SNIPS); Dudik, Langford and Li 2011, "Doubly robust policy evaluation and
learning" (DR); Kish 1965, "Survey sampling" (effective sample size); Efron 1979 (bootstrap).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SAMPLES = 1_000
LEVEL = 0.95
MOST_GROUPS = 10_000
"""Groups that are drawn anew at most: more are thrown together at random, which leaves the spread of their
mean as it is."""
_BLOCK = 50


@dataclass(frozen=True)
class Estimate:
    """The value of a policy per decision, the ends of DR's 95% interval, and how many rows speak of it.

    `effective_rewards` counts the rows whose reward is not the most frequent one: with ten thousand rows of
    which two were rewarded, two tell how large rewards are.
    """

    name: str
    ips: float
    snips: float
    dr: float
    dr_low: float
    dr_high: float
    effective_sample_size: float
    effective_rewards: float


def ips(weight: Array, reward: Array) -> float:
    """Inverse propensity score: the mean of weight x reward. Unbiased, and noisy.

    >>> ips(np.array([2.0, 0.0]), np.array([1.0, 1.0]))
    1.0
    """
    return float(np.mean(weight * reward))


def snips(weight: Array, reward: Array) -> float:
    """Self-normalised: over the sum of the weights instead of their number; NaN if none is above 0.

    >>> snips(np.array([2.0, 1.0, 0.0]), np.array([1.0, 0.0, 1.0]))
    0.6666666666666666
    """
    total = weight.sum()
    return float(weight @ reward / total) if total > 0.0 else float("nan")


def doubly_robust(weight: Array, reward: Array, expected_taken: Array, expected: Array) -> Array:
    """Say for each row what the policy would get: what a model expects, put right where a row knows better.

    Its mean is the DR estimate. It is unbiased if the propensities are right, however wrong the model, as
    long as the model has not seen the row.

    Args:
        weight: shape (n,).
        reward: shape (n,).
        expected_taken: what the model expects of the action that was taken, shape (n,).
        expected: what it expects of the policy: the mean over its actions, shape (n,).

    >>> one = np.array([1.0])
    >>> doubly_robust(2.0 * one, one, 0.75 * one, 0.5 * one)
    array([1.])
    """
    found: Array = expected + weight * (reward - expected_taken)
    return found


def effective_sample_size(weight: Array) -> float:
    """How many rows of equal weight would tell as much: (sum of weights)^2 / sum of their squares.

    >>> effective_sample_size(np.array([3.0, 3.0, 0.0]))
    2.0
    """
    squares = float(weight @ weight)
    return float(weight.sum()) ** 2 / squares if squares > 0.0 else 0.0


def interval(
    values: Array, group: NDArray[np.intp], samples: int = SAMPLES, seed: int = 7
) -> tuple[Array, Array]:
    """Give the ends of the 95% percentile interval of each column's mean, with whole groups drawn anew.

    Args:
        values: what each policy would get in each row, shape (n, policies).
        group: rows with the same number are drawn together, shape (n,).
        samples: how often to draw.
        seed: of the draws: the same for all policies, so that they may be compared.
    """
    rng = np.random.default_rng(seed)
    numbers, whose = np.unique(group, return_inverse=True)
    count = min(len(numbers), MOST_GROUPS)
    if count < len(numbers):
        whose = rng.permutation(np.arange(len(numbers)) % count)[whose]
    sums = np.column_stack([np.bincount(whose, column, count) for column in values.T])
    sizes = np.bincount(whose, minlength=count).astype(float)
    means = np.empty((samples, values.shape[1]))
    for begin in range(0, samples, _BLOCK):
        size = min(_BLOCK, samples - begin)
        drawn = np.stack([np.bincount(rng.integers(count, size=count), minlength=count) for _ in range(size)])
        means[begin : begin + size] = (drawn @ sums) / (drawn @ sizes)[:, None]
    low, high = np.quantile(means, [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0], axis=0)
    return low, high


def unusual(reward: Array) -> Array:
    """Give 1 where a reward is not the most frequent one, else 0, shape (n,).

    >>> unusual(np.array([0.0, 0.0, 2.5]))
    array([0., 0., 1.])
    """
    values, counts = np.unique(reward, return_counts=True)
    found: Array = (reward != values[np.argmax(counts)]).astype(float)
    return found


def estimate(
    name: str, weight: Array, profit: Array, values: Array, ends: tuple[float, float], telling: Array
) -> Estimate:
    """Put together what is known of a policy: `values` from `doubly_robust`, `telling` from `unusual`."""
    return Estimate(
        name,
        ips(weight, profit),
        snips(weight, profit),
        float(values.mean()),
        *ends,
        effective_sample_size(weight),
        effective_sample_size(weight * telling),
    )
