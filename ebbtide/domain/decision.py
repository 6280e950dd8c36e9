"""A decision: the answer to "what next for this customer?", and the receipt that explains it."""

from typing import Any

import msgspec

from ebbtide.domain.action import NOTHING, Candidate, RankedAction
from ebbtide.domain.customer import Stage


class Reason(msgspec.Struct, frozen=True, rename="camel"):
    """Why a probability is what it is: a signal, its value, its contribution (log-odds) and a sentence.

    Where somebody can act on it, `remedy` says how, and `change` by how much that changes the probability.
    """

    signal: str
    value: float | None
    contribution: float
    text: str
    remedy: str | None = None
    change: float | None = None


class Churn(msgspec.Struct, frozen=True, rename="camel"):
    """The probability of leaving, by horizon in days, with the reasons for that of the main one, `horizon`.

    `median_days` is when half of such customers will have ordered (or cancelled, where that is what counts);
    None if that lies beyond the last horizon.
    """

    probability: dict[str, float]
    horizon: int
    median_days: float | None
    reasons: tuple[Reason, ...] = ()

    @property
    def main(self) -> float:
        """The probability at the main horizon."""
        return self.probability[str(self.horizon)]


class Trigger(msgspec.Struct, frozen=True, rename="camel"):
    """A moment to speak, and why it is one."""

    id: str
    reason: str


class Recommendation(msgspec.Struct, frozen=True, rename="camel"):
    """A product to show, its score (higher is better) and the reason in words."""

    product_id: str
    name: str
    score: float
    reason: str


class Versions(msgspec.Struct, frozen=True, rename="camel"):
    """What a decision was made with; `model` (of churn) and `responses` are None where there was none."""

    catalog: str
    model: str | None
    actions: str
    responses: str | None = None


class Decision(msgspec.Struct, frozen=True, rename="camel"):
    """The whole answer. Times are ISO 8601 in UTC; `degraded` names what was missing."""

    decision_id: str
    customer_id: str
    known: bool
    stage: Stage
    as_of: str
    expires_at: str
    churn: Churn | None
    triggers: tuple[Trigger, ...]
    actions: tuple[RankedAction, ...]
    recommendations: tuple[Recommendation, ...]
    versions: Versions
    degraded: tuple[str, ...] = ()


class Receipt(msgspec.Struct, frozen=True, rename="camel"):
    """What the decision log keeps: the question, what was known, how each action stood, and the answer.

    `signals` are as seen, NaN as None, of a state whose last event was `age_seconds` ago (None for a customer
    of whom nothing is known). `at` is the moment of the decision in Unix seconds, exactly. `candidates` are
    all actions, those excluded with the rule; `chosen` is the one that the decision stands for, with its
    propensity there. `holdout` tells that the customer is one of those who get no action, as a yardstick.
    """

    decision: Decision
    decision_point: str
    context: dict[str, Any]
    signals: dict[str, float | None]
    age_seconds: float | None = None
    at: float = 0.0
    candidates: tuple[Candidate, ...] = ()
    chosen: str = NOTHING.id
    holdout: bool = False
