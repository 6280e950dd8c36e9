"""What the linear partner sees of the signals: logarithms, scaled, with a mark where a value is missing.

Counts, money and days differ by orders of magnitude; sign(x) * log(1 + |x|) brings them together and keeps
zero and sign. A missing value stands at the centre, and its mark says that it is missing.
"""

import numpy as np
from numpy.typing import NDArray

from models.churn.artefact import Scale

Array = NDArray[np.float64]
FURTHEST = 5.0
"""Widths from the centre at which a value is cut, so that one odd value cannot decide alone."""


def scaled(matrix: Array) -> tuple[Scale, Array, NDArray[np.bool_]]:
    """The scale of a matrix, and what `Inputs` of that scale makes of it, for one set of logarithms.

    The scale is the centre and the width of each column of a matrix of shape (n, signals); NaN is missing.
    """
    logs = signed_log(matrix)
    missing = np.isnan(logs)
    counts = np.maximum(len(logs) - missing.sum(axis=0), 1)
    np.copyto(logs, 0.0, where=missing)
    centre = logs.sum(axis=0) / counts
    logs -= centre
    np.copyto(logs, 0.0, where=missing)
    spread = np.sqrt(np.einsum("ij,ij->j", logs, logs) / counts)
    per_width = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-9)
    logs *= per_width
    np.clip(logs, -FURTHEST, FURTHEST, out=logs)
    return Scale(tuple(centre.tolist()), tuple(per_width.tolist())), logs, missing


class Inputs:
    """Turns signals into the linear partner's inputs."""

    def __init__(self, scale: Scale) -> None:
        self._centre = np.asarray(scale.centre)
        self._per_width = np.asarray(scale.per_width)

    def __call__(self, signals: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Scaled values (0 where missing) and marks of the missing, each of the shape of `signals`."""
        missing = np.isnan(signals)
        values = signed_log(signals)
        values -= self._centre
        values *= self._per_width
        np.maximum(values, -FURTHEST, out=values)
        np.minimum(values, FURTHEST, out=values)
        values[missing] = 0.0
        return values, missing


def signed_log(signals: Array) -> Array:
    """sign(x) * log(1 + |x|)."""
    logs = np.abs(signals)
    np.log1p(logs, out=logs)
    found: Array = np.copysign(logs, signals, out=logs)
    return found
