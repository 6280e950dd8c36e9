"""Would the online correction have paid? A log's predictions replayed in the order in which they came.

Each prediction is made before its label is known and judged when it is due: "prequential", after Dawid 1984,
"Present position and potential developments: some personal views. Statistical theory, the prequential
approach".
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from models.churn.online import OnlineChurn


class Prediction(NamedTuple):
    """What the frozen batch model said of a customer. Times in Unix seconds; `inf` for no later order."""

    customer: str
    at: float
    probability: float
    segments: tuple[str, ...]
    next_order: float


def prequential(
    predictions: Sequence[Prediction], horizon: int, *, advance: Callable[[int], object] = int
) -> dict[str, float]:
    """Replay predictions, ascending by `at`; give the measures of `OnlineChurn.metrics`.

    `online_log_loss` against `batch_log_loss` says whether correcting paid. All predictions are judged, also
    those whose labels came after the last one was made.

    Args:
        predictions: ascending by `at`.
        horizon: in days.
        advance: told how many more were made.
    """
    model = OnlineChurn(horizon=horizon, spacing=0.0, capacity=max(1, len(predictions)))
    for each in predictions:
        model.advance(each.at)
        model.remember(each.customer, each.at, each.probability, each.segments)
        if each.next_order < math.inf:
            # Noted at once, and without effect before the label is due.
            model.order(each.customer, each.next_order)
        advance(1)
    model.advance(math.inf)
    return model.metrics()
