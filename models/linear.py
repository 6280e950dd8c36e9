"""The linear partner of the trees: logistic regression with a normal prior on its weights.

Its weights are few and held tight, so they can afford to follow the times: the older a row, the less it
counts. The trees need all rows alike: they would sooner fit the chance of the latest weeks. Its level is that
of all rows alike, since how many left of late says little of the weeks to come.
"""

import numpy as np
from numpy.typing import NDArray

from models.artefact import Linear
from models.inputs import Inputs

Array = NDArray[np.float64]
HALF_LIFE = 90.0
"""Days after which a row counts half."""
STEPS = 50
NARROWEST = 1e-6
"""No product is taken over a smaller spread."""


def fit(inputs: Inputs, matrix: Array, labels: Array, days: Array, strength: float) -> Linear:
    """Fit it.

    Args:
        inputs: what it sees of the signals.
        matrix: signals, shape (n, signals).
        labels: 0 or 1, shape (n,).
        days: each row's cut-off in days, shape (n,).
        strength: variance of the prior of each weight, the products' taken over their spread.
    """
    from sklearn.linear_model import LogisticRegression

    # Half the precision takes half the time; weights agree in six digits.
    seen = inputs(matrix).astype(np.float32)
    told = np.ptp(seen, axis=0) > 0.0  # a constant says nothing that the intercept does not
    spread = np.ones(inputs.width)
    spread[2 * inputs.signals :] = np.maximum(seen[:, 2 * inputs.signals :].std(axis=0), NARROWEST)
    seen[:, 2 * inputs.signals :] /= spread[2 * inputs.signals :]
    counts = 0.5 ** ((days.max() - days) / HALF_LIFE)
    model = LogisticRegression(C=strength, solver="newton-cholesky")
    model.fit(seen[:, told], labels, sample_weight=counts / counts.mean())
    weights = np.zeros(inputs.width)
    weights[told] = model.coef_[0]
    bias = _level(seen @ weights, labels)
    signals, missing, products = np.split(weights / spread, [inputs.signals, 2 * inputs.signals])
    return Linear(tuple(signals.tolist()), tuple(missing.tolist()), bias, tuple(products.tolist()))


def log_odds(inputs: Inputs, matrix: Array, linear: Linear) -> Array:
    """What it says of signals of shape (n, signals), shape (n,)."""
    weights = np.array(linear.weights + linear.missing + linear.products)
    found: Array = inputs(matrix) @ weights + linear.bias
    return found


def _level(odds: Array, labels: Array) -> float:
    """What to add to log-odds so that their probabilities have the mean of the labels; by Newton's method."""
    bias = 0.0
    for _ in range(STEPS):
        said = 1.0 / (1.0 + np.exp(-np.clip(odds + bias, -30.0, 30.0)))
        step = float(np.mean(labels - said)) / max(float(np.mean(said * (1.0 - said))), 1e-6)
        bias += max(min(step, 1.0), -1.0)
        if abs(step) < 1e-9:
            break
    return bias
