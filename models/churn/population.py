"""Who can still leave: those for whom a model of churn has anything to say."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.catalog import NAMES
from models.churn.artefact import Churned

_ORDERED, _SUBSCRIBED, _ASKED = map(NAMES.index, ("orders_total", "subscribed", "cancellation_asked"))


def could_cancel(signals: Sequence[float]) -> bool:
    """Whether a subscription runs that the customer has not asked to end; signals in the catalog's order.

    Who asked for the end has left, by the label that the model has learned.

    >>> could_cancel([1.0 if name == "subscribed" else 0.0 for name in NAMES])
    True
    >>> could_cancel([float("nan")] * len(NAMES))
    False
    """
    return signals[_SUBSCRIBED] == 1.0 and signals[_ASKED] == 0.0


def judged(churned: Churned, signals: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Of whom churn can be foretold, shape (n,), from signals of shape (n, signals).

    With silence as churn those who ever ordered, with cancellations those who could cancel.
    """
    found: NDArray[np.bool_] = signals[:, _ORDERED] > 0.0
    if churned is Churned.CANCEL:
        found = (signals[:, _SUBSCRIBED] == 1.0) & (signals[:, _ASKED] == 0.0)
    return found
