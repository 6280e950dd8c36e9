"""The linear partner of the trees: logistic regression with a normal prior on its weights."""

import numpy as np
from numpy.typing import NDArray

from models.churn.artefact import Linear, Scale
from models.churn.inputs import Inputs

Array = NDArray[np.float64]


def fit(signals: Array, labels: Array, scale: Scale, strength: float) -> Linear:
    """Fit on signals of shape (n, signals) and labels 0 and 1; `strength` is the variance of the prior."""
    from sklearn.linear_model import LogisticRegression

    inputs = _stacked(signals, scale)
    told = np.flatnonzero(np.ptp(inputs, axis=0) > 0.0)  # a constant says nothing that the intercept does not
    first, which, alike = _alike(inputs[:, told])
    # Columns that are the same share one weight evenly, as the prior would have it: one, wider, does for all.
    width = np.sqrt(alike)
    chosen = inputs[:, told[first]] * width.astype(np.float32)
    fitted = LogisticRegression(C=strength, solver="newton-cholesky").fit(chosen, labels)
    weights = np.zeros(inputs.shape[1])
    weights[told] = (fitted.coef_[0] / width)[which]
    half = len(weights) // 2
    return Linear(tuple(weights[:half].tolist()), tuple(weights[half:].tolist()), float(fitted.intercept_[0]))


def odds(signals: Array, linear: Linear, scale: Scale) -> Array:
    """The log-odds of each row, shape (n,)."""
    found: Array = _stacked(signals, scale) @ np.array(linear.weights + linear.missing) + linear.bias
    return found


def _alike(
    inputs: NDArray[np.float32],
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Of columns that are the same the first; for each column the place of that; how many are the same.

    Signals that come of one thing are missing together, so that many marks are the same.
    """
    places: dict[bytes, int] = {}
    which = np.array([places.setdefault(column.tobytes(), len(places)) for column in inputs.T], dtype=np.intp)
    _, first, alike = np.unique(which, return_index=True, return_counts=True)
    return first, which, alike


def _stacked(signals: Array, scale: Scale) -> NDArray[np.float32]:
    """The inputs: half the precision takes half the time; weights agree in six digits."""
    values, missing = Inputs(scale)(signals)
    return np.hstack([values, missing], dtype=np.float32, casting="same_kind")
