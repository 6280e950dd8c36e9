"""An optimizer for River's logistic regression that knows how sure each weight is: one pass is enough.

A plain gradient moves all weights alike, however often their input was seen. Here each step is scaled by the
inverse of the curvature seen so far, as in Newton's method, so a weight settles as its input is seen. For
logistic regression this is the extended Kalman filter with a fixed state.

Weights come in blocks, whose curvature is kept apart: one for what all actions share, one for each action.

Sources: Ollivier 2018, "Online natural gradient as a Kalman filter"; Hazan, Agarwal and Kale 2007,
"Logarithmic regret algorithms for online convex optimization" (the online Newton step).
"""

from collections.abc import MutableMapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import optim

Array = NDArray[np.float64]
Key = tuple[str, int]
"""Of a weight: its block, and its place there. Place 0 is the level, whose input is always 1."""
SHARED = ""
"""The block that is in every row."""
FLATTEST = 1e-4
"""Least curvature of a row: where all is certain already, one surprise must not overturn everything."""


class OnlineNewton(optim.base.Optimizer):  # type: ignore[misc]
    """Steps by the inverse of the curvature.

    Args:
        prior: how far each weight of the shared block is expected to lie from its start, as a variance.
        own: the same for every other block; blocks come up as rows name them.
    """

    def __init__(self, prior: Array, own: Array) -> None:
        super().__init__(1.0)
        self.own = own
        self.covariance: dict[str, Array] = {SHARED: np.diag(prior)}

    def _step_with_dict(self, w: MutableMapping[Key, float], g: MutableMapping[Key, float]) -> Any:
        error = g[(SHARED, 0)]
        if error == 0.0:
            return w
        # The input of place 0 is 1, so the gradient tells the error, and the error the curvature p * (1 - p).
        noise = 1.0 / max(abs(error) * (1.0 - abs(error)), FLATTEST)
        moves = {}
        total = noise
        for block, inputs in _blocks(g, error).items():
            if block not in self.covariance:
                self.covariance[block] = np.diag(self.own)
            moves[block] = self.covariance[block] @ inputs
            total += float(inputs @ moves[block])
        for block, move in moves.items():
            self.covariance[block] -= np.outer(move, move) / total
            for place, step in enumerate((move * (error * noise / total)).tolist()):
                w[(block, place)] -= step
        return w


def _blocks(g: MutableMapping[Key, float], error: float) -> dict[str, Array]:
    """The inputs of a row by block, from its gradient, in the order of their places."""
    found: dict[str, list[float]] = {}
    for (block, _), slope in g.items():
        found.setdefault(block, []).append(slope / error)
    return {block: np.array(inputs) for block, inputs in found.items()}
