"""Who can still leave: those for whom a model of churn has anything to say; and how their risk compares."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.catalog import NAMES
from models.churn.artefact import Artefact, Churned

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


def unlike_training(artefact: Artefact, recency_days: float) -> bool:
    """Whether a model was not trained on customers who are silent for so many days."""
    return artefact.churned is Churned.SILENCE and recency_days > artefact.active


def against_base(artefact: Artefact, probability: float, recency_days: float) -> float:
    """The odds of leaving within the main horizon over those of the customers whom a model learned from.

    Odds, and not probabilities: twice as likely means something whether 5 or 80 of 100 leave.

    Args:
        artefact: the model.
        probability: what it says at the main horizon; NaN where it cannot say.
        recency_days: days since the last order, NaN without one.

    Returns:
        1 for a risk as that of all; NaN where nobody can tell: without a probability, of customers whom the
        model was not trained on, and by a model that does not know its base rate.
    """
    base = artefact.base_rate
    if base is None or unlike_training(artefact, recency_days):
        return math.nan
    stays = (1.0 - probability) * base
    return probability * (1.0 - base) / stays if stays else math.inf
