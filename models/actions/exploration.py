"""Which action to take: the best one mostly, and each other one by a chance that is known exactly.

Inverse-gap weighting (SquareCB): the less an action is behind the best, the likelier it is tried. So the log
of decisions can tell later what another policy would have got, and a new action gets its chance.

Source: Foster and Rakhlin 2020, "Beyond UCB: optimal and efficient contextual bandits with regression
oracles", after Abe and Long 1999.
"""

import hashlib
import math
from collections.abc import Sequence

ALWAYS_BEST = math.inf
"""The `gamma` that tries nothing: the best action is always taken."""
STEADY = 1_000
"""Outcomes until which a policy explores as it says."""
_RESOLUTION = 1 << 53
"""Every float in [0, 1) that is a multiple of 1 / 2^53 is exact."""


def inverse_gap(values: Sequence[float], gamma: float) -> list[float]:
    """Give the probability of each action; they add up to 1.

    p = 1 / (K + gamma * (best - value)) for each of the K actions but the best, which takes what is left. Of
    several best the first takes it.

    Args:
        values: what each action is expected to bring, on a scale on which the largest gap that matters is 1.
        gamma: 0 tries all alike; the higher, the more the best is preferred; `ALWAYS_BEST` tries nothing.

    >>> inverse_gap([1.0, 0.0], 8.0)
    [0.9, 0.1]
    >>> inverse_gap([0.2, 0.5, 0.5], ALWAYS_BEST)
    [0.0, 1.0, 0.0]
    """
    best = max(range(len(values)), key=values.__getitem__)
    if gamma == ALWAYS_BEST:
        return [float(place == best) for place in range(len(values))]
    found = [1.0 / (len(values) + gamma * (values[best] - value)) for value in values]
    found[best] = 1.0 - (sum(found) - found[best])
    return found


def grown(gamma: float, outcomes: int) -> float:
    """The `gamma` for a model that learned from so many outcomes: the more it knows, the less is tried.

    It grows with the root of their number, as the bound on the regret asks for, from `STEADY` of them on.

    >>> [grown(100.0, outcomes) for outcomes in (0, 1_000, 4_000)]
    [100.0, 100.0, 200.0]
    """
    return gamma * math.sqrt(max(outcomes / STEADY, 1.0))


def normalised(values: Sequence[float]) -> list[float]:
    """Bring values to [0, 1] by their range, as `inverse_gap` wants them; all 0 if they are equal.

    >>> normalised([-1.0, 1.0, 3.0])
    [0.0, 0.5, 1.0]
    """
    low, high = min(values), max(values)
    return [(value - low) / (high - low) if high > low else 0.0 for value in values]


def choose(probabilities: Sequence[float], seed: str) -> int:
    """Draw a place by its probability; the same seed (the id of the decision) draws the same again.

    >>> choose([0.0, 1.0], "any")
    1
    """
    digest = hashlib.blake2b(seed.encode(), digest_size=8).digest()
    drawn = (int.from_bytes(digest) >> 11) / _RESOLUTION
    reached = 0.0
    for place, probability in enumerate(probabilities):
        reached += probability
        if drawn < reached:
            return place
    return max(
        range(len(probabilities)), key=probabilities.__getitem__
    )  # the sum fell short of 1 by rounding
