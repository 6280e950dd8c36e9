"""What the models say of a customer from the signals alone: stage, churn, and what is missing for more.

A decision is made from it, and a receipt is replayed from it.
"""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ebbtide.domain.customer import Stage
from ebbtide.domain.decision import Churn
from features import lifecycle
from features.catalog import NAMES
from features.profile import named
from models.churn.artefact import Churned
from models.churn.population import against_base, could_cancel, unlike_training
from models.churn.scorer import ChurnScorer

NO_ORDER = "no order to judge churn by"
NO_SUBSCRIPTION = "no running subscription to judge churn by, or one whose end was asked for"
_ORDERED = NAMES.index("orders_total")


class Assessment(NamedTuple):
    """Signals by name, the stage, churn (None where nothing can be said), and the faults in words."""

    values: Mapping[str, float]
    stage: Stage
    churn: Churn | None
    faults: tuple[str, ...]

    @property
    def main(self) -> float | None:
        """The churn probability at the main horizon."""
        return None if self.churn is None else self.churn.main


def assess(scorer: ChurnScorer | None, vector: Sequence[float], previous_stage: str = "") -> Assessment:
    """Assess one customer.

    Args:
        scorer: the churn model in force, if there is one.
        vector: the signals in the catalog's order, NaN where missing.
        previous_stage: the stage in which the customer was last seen; empty where that is not known.
    """
    return assess_many(scorer, [vector], np.array([vector]), [previous_stage])[0]


def assess_many(
    scorer: ChurnScorer | None,
    vectors: Sequence[Sequence[float]],
    matrix: NDArray[np.float64],
    previous_stages: Sequence[str],
) -> list[Assessment]:
    """`assess` many customers, equal to the last bit; `matrix` has the vectors as rows."""
    churned = Churned.SILENCE if scorer is None else scorer.artefact.churned
    unjudged = [_unjudged(churned, vector) for vector in vectors]
    judged = [place for place, why in enumerate(unjudged) if why is None]
    churns: dict[int, Churn] = {}
    if scorer is not None and judged:
        churns = dict(zip(judged, scorer.churns(matrix[judged]), strict=True))
    found = []
    for place, (vector, before) in enumerate(zip(vectors, previous_stages, strict=True)):
        values = named(vector)
        churn, faults = churns.get(place), _faults(scorer, unjudged[place], values)
        stage = lifecycle.stage(values, before, partial(_against_base, scorer, churn, values))
        found.append(Assessment(values, stage, churn, faults))
    return found


def _against_base(scorer: ChurnScorer | None, churn: Churn | None, values: Mapping[str, float]) -> float:
    if scorer is None or churn is None:
        return math.nan
    return against_base(scorer.artefact, churn.main, values["recency_days"])


def _unjudged(churned: Churned, vector: Sequence[float]) -> str | None:
    """Say why a customer is none of whom churn could be foretold."""
    if churned is Churned.CANCEL:
        return None if could_cancel(vector) else NO_SUBSCRIPTION
    return None if vector[_ORDERED] else NO_ORDER


def _faults(scorer: ChurnScorer | None, unjudged: str | None, values: Mapping[str, float]) -> tuple[str, ...]:
    if unjudged is not None:
        return (unjudged,)
    if scorer is not None and unlike_training(scorer.artefact, values["recency_days"]):
        return (f"no order in {scorer.active} days: the churn model was not trained on such customers",)
    return ()
