"""What a receipt recorded, to make its decision again or to learn from it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ebbtide.domain.action import Action
from ebbtide.domain.decision import Receipt
from features import catalog
from models.actions.choice import Situation
from models.churn.assessment import Assessment

Array = NDArray[np.float64]


@dataclass
class Recorded:
    """What a model said when a decision was made; of an action that it was not asked about, the entry.

    `outcomes` are those that the model was learned from.
    """

    said: Mapping[str, float]
    outcomes: int

    @classmethod
    def of(cls, receipt: Receipt, outcomes: Callable[[str], int]) -> "Recorded | None":
        """What a receipt recorded; None where no model had a say, so that the entries of a policy hold.

        `outcomes` tells by a model's version how many it was learned from.
        """
        version = receipt.decision.versions.responses
        if version is None:
            return None
        return cls({one.id: one.response for one in receipt.candidates}, outcomes(version))

    def respond(self, vector: Sequence[float], actions: Sequence[Action]) -> list[float]:  # noqa: ARG002
        """The response of each action, as recorded."""
        return [self.said.get(action.id, action.response) for action in actions]


def says_nothing(receipt: Receipt) -> bool:
    """Whether a decision is of no use here: of a customer held out, or made from another catalog."""
    known = receipt.decision.versions.catalog == catalog.VERSION and receipt.candidates
    return receipt.holdout or not known


def vector(receipt: Receipt) -> Array:
    """The signals that a decision was made from, in the catalog's order; NaN where missing."""
    return np.array([receipt.signals.get(name, math.nan) for name in catalog.NAMES])


def situation(receipt: Receipt) -> Situation:
    """What a decision was made from."""
    decision = receipt.decision
    known = {name: receipt.signals.get(name, math.nan) for name in catalog.NAMES}
    return Situation(
        customer=receipt.customer,
        decision=decision.decision_id,
        decision_point=receipt.decision_point,
        at=receipt.at,
        vector=list(known.values()),
        assessment=Assessment(known, decision.stage, decision.churn, ()),
        context=receipt.context,
        reach=receipt.reach,
        history=receipt.history,
    )
