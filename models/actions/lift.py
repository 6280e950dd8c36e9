"""Whether actions help: customers who may get them against those held out, at any time without being fooled.

Who looks at a test each day and stops when it "is significant" is fooled far more often than one in twenty
times. A confidence sequence holds at all looks together: the chance that it ever leaves out the truth is at
most `ALPHA`, however often one looks and whenever one stops.

Each customer counts once, when a horizon has passed since they came in. The estimate is the mean of a score
whose expectation is the effect, whatever the customer's arm: it starts from the mean of the arms so far, and
puts it right by what the customer did, over the probability of their arm (doubly robust).

Sources: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, "Time-uniform central limit theory and
asymptotic confidence sequences" (theorem 2.2, and section 3 for effects of a treatment); Robbins 1970,
"Statistical methods related to the law of the iterated logarithm".
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Marks = NDArray[np.bool_]

ALPHA = 0.05
TIGHTEST_AT = 5_000
"""Customers at which the sequence is as tight as it can be; earlier and later it is a little wider."""
FEWEST = 50
"""Customers needed in each arm before the first look: the sequence is right for large numbers."""


@dataclass(frozen=True)
class Lift:
    """An effect at one look: the mean of each arm, the difference, and the ends of its confidence sequence.

    Ends are minus and plus infinity as long as either arm has fewer than `FEWEST` customers.
    """

    customers: int
    held_out: int
    treated_mean: float
    held_out_mean: float
    lift: float
    low: float
    high: float

    @property
    def proven(self) -> bool:
        """Whether the sequence leaves out 0."""
        return self.low > 0.0 or self.high < 0.0


@dataclass(frozen=True)
class Sequence:
    """An effect as customers come due, in their order: after each, shape (n,)."""

    lift: Array
    low: Array
    high: Array


def sequence(outcome: Array, held_out: Marks, share: float, alpha: float = ALPHA) -> Sequence:
    """Follow the effect of being treated as customers come due.

    Args:
        outcome: of each customer, in the order in which they came due, shape (n,).
        held_out: whether they were held out, shape (n,).
        share: the probability with which anybody is held out.
        alpha: the chance that the sequence ever leaves out the truth.
    """
    treated, held = _means_before(outcome, ~held_out), _means_before(outcome, held_out)
    score = treated - held
    score[~held_out] += (outcome - treated)[~held_out] / (1.0 - share)
    score[held_out] -= (outcome - held)[held_out] / share
    count = np.arange(1.0, len(score) + 1.0)
    mean = np.cumsum(score) / count
    spread = _variance(outcome, ~held_out)
    # A small arm has not met its few big spenders yet: it spreads no less than the large one.
    variance = spread / (1.0 - share) + np.maximum(spread, _variance(outcome, held_out)) / share
    half = np.sqrt(variance) * boundary(count, alpha)
    early = np.minimum(np.cumsum(held_out), np.cumsum(~held_out)) < FEWEST
    half[early] = np.inf
    return Sequence(mean, mean - half, mean + half)


def boundary(count: Array, alpha: float = ALPHA) -> Array:
    """How far the mean of `count` scores of variance 1 may lie from the truth, at all counts together.

    >>> boundary(np.array([5_000.0])).round(4), (1.96 / np.sqrt([5_000.0])).round(4)
    (array([0.0429]), array([0.0277]))
    """
    log = -2.0 * math.log(alpha)
    spread = (log + math.log(log + 1.0)) / TIGHTEST_AT
    scaled = count * spread + 1.0
    found: Array = np.sqrt(2.0 * scaled / (count**2 * spread) * np.log(np.sqrt(scaled) / alpha))
    return found


def latest(outcome: Array, held_out: Marks, share: float, alpha: float = ALPHA) -> Lift:
    """The effect after the last customer; arguments as in `sequence`."""
    found = sequence(outcome, held_out, share, alpha)
    treated, held = outcome[~held_out], outcome[held_out]
    return Lift(
        len(outcome),
        len(held),
        _mean(treated),
        _mean(held),
        float(found.lift[-1]) if len(outcome) else math.nan,
        float(found.low[-1]) if len(outcome) else -math.inf,
        float(found.high[-1]) if len(outcome) else math.inf,
    )


def _means_before(outcome: Array, arm: Marks) -> Array:
    """The mean of an arm before each customer, so that it knows nothing of the customer; first 0."""
    counted = np.cumsum(arm, dtype=float) - arm
    summed = np.cumsum(outcome * arm) - outcome * arm
    found: Array = np.divide(summed, counted, out=np.zeros(len(outcome)), where=counted > 0.0)
    return found


def _variance(outcome: Array, arm: Marks) -> Array:
    """The variance within an arm up to each customer."""
    counted = np.maximum(np.cumsum(arm), 1)
    mean = np.cumsum(outcome * arm) / counted
    found: Array = np.maximum(np.cumsum(outcome**2 * arm) / counted - mean**2, 0.0)
    return found


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else math.nan
