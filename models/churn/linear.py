"""The linear partner of the trees: logistic regression with a normal prior on its weights."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.churn.artefact import Linear, Scale
from models.churn.inputs import scaled

Array = NDArray[np.float64]
Places = NDArray[np.intp]
SAMPLE = 4
"""One in so many rows is in the sample that a fit begins with."""


class Design(NamedTuple):
    """Rows of signals as the partner learns from them.

    An input (`models.churn.inputs`: of n signals n values, then n marks of the missing) that is the same in
    all rows says nothing that the intercept does not, and is left out. Signals that come of one thing are
    missing together, so that many marks are alike: these share one weight evenly, as the prior would have
    it, so one column that is wider does for all of them.
    """

    signals: int
    inputs: NDArray[np.float32]
    """Of shape (rows, columns). Half the precision takes half the time; weights agree in six digits."""
    first: Places
    """For each column, the first of its inputs."""
    column: Places
    """For each input that is not left out, its column."""
    told: Places
    """The inputs that are not left out."""
    width: Array
    """For each column, the root of how many inputs it stands for."""


def design(signals: Array) -> tuple[Scale, Design]:
    """Scale signals of shape (rows, signals), and make of them what `fit` takes."""
    scale, values, missing = scaled(signals)
    stacked = np.hstack([values, missing], dtype=np.float32, casting="same_kind")
    gaps = missing.sum(axis=0)
    varied = [np.array(scale.per_width) > 0.0, (gaps > 0) & (gaps < len(signals))]
    told = np.flatnonzero(np.concatenate(varied))
    places: dict[bytes, int] = {}
    columns = [places.setdefault(stacked[:, each].tobytes(), len(places)) for each in told]
    _, first, alike = np.unique(columns, return_index=True, return_counts=True)
    width = np.sqrt(alike)
    inputs = np.take(stacked, told[first], axis=1)
    inputs *= width.astype(np.float32)
    return scale, Design(signals.shape[1], inputs, told[first], np.array(columns, dtype=np.intp), told, width)


def fit(data: Design, rows: Places, labels: Array, strength: float) -> Linear:
    """Fit on some rows and their labels, 0 or 1; `strength` is the variance of the prior."""
    from sklearn.linear_model import LogisticRegression

    inputs = data.inputs[rows]
    fitted = LogisticRegression(C=SAMPLE * strength, solver="newton-cholesky", warm_start=True)
    # A step of the solver takes time in proportion to the rows. A sample leads near to where all of them
    # lead, which is then half as many steps away.
    if 0.0 < labels[::SAMPLE].mean() < 1.0:
        fitted.fit(inputs[::SAMPLE], labels[::SAMPLE])
    fitted.set_params(C=strength).fit(inputs, labels)
    half = data.signals
    weights = np.zeros(2 * half)
    weights[data.told] = (fitted.coef_[0] / data.width)[data.column]
    return Linear(tuple(weights[:half].tolist()), tuple(weights[half:].tolist()), float(fitted.intercept_[0]))


def odds(data: Design, rows: Places, linear: Linear) -> Array:
    """The log-odds of some rows, of shape (rows,)."""
    weights = np.array(linear.weights + linear.missing)[data.first] * data.width
    found: Array = data.inputs[rows] @ weights + linear.bias
    return found
