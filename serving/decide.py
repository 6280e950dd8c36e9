"""The decision: from a customer's state to what to do next. Knows nothing of HTTP; time is given."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ebbtide.domain.customer import Stage
from ebbtide.domain.decision import Churn, Decision, Reason, Receipt, Recommendation, Versions
from ebbtide.domain.ingest import iso
from ebbtide.errors import InputError
from features import catalog, lifecycle, profile
from features.store.online import OnlineStore
from models.actions import ActionCatalogue, rank
from models.triggers import triggers

LIFETIME = 15 * 60.0
"""Seconds for which a decision holds."""
NO_MODEL = "no churn model"
NO_ORDER = "no order to judge churn by"
NO_PRODUCTS = "no products to recommend"


class Scorer(Protocol):
    """What a decision needs of a churn model."""

    version: str

    def score(self, vector: Sequence[float]) -> dict[str, float]:
        """Return the churn probability by horizon in days."""

    def contributions(self, vector: Sequence[float]) -> npt.NDArray[np.float64]:
        """Return what each signal adds to the log-odds."""


class Recommends(Protocol):
    """What a decision needs of a recommender."""

    def recommend(
        self,
        repertoire: Sequence[tuple[str, float, float]],
        *,
        now: float,
        stage: Stage,
        limit: int,
        exclude: Sequence[str],
    ) -> tuple[Recommendation, ...]:
        """Return the products to show, best first."""


Explain = Callable[[Sequence[float], npt.NDArray[np.float64]], tuple[Reason, ...]]


@dataclass(frozen=True)
class Question:
    """What is asked. `as_of` (Unix seconds, UTC) asks for another moment than the present."""

    customer_id: str
    decision_point: str = "default"
    limit: int = 5
    context: Mapping[str, Any] = field(default_factory=dict)
    as_of: float | None = None
    explain: bool = True


class Decider:
    """Decides from what is known of a customer, the model in force and the catalogue of actions."""

    def __init__(
        self,
        *,
        states: OnlineStore,
        scorer: Callable[[float], Scorer | None],
        explain: Explain,
        recommender: Recommends,
        catalogue: ActionCatalogue,
    ) -> None:
        """Take the parts.

        Args:
            states: where customers' states are read.
            scorer: gives the churn model in force at a moment (Unix seconds), None if there is none.
            explain: turns a vector and its contributions into reasons.
            recommender: finds products.
            catalogue: the actions to choose from.
        """
        self._states = states
        self._scorer = scorer
        self._explain = explain
        self._recommender = recommender
        self._catalogue = catalogue

    def decide(self, question: Question, *, now: float, decision_id: str) -> Receipt:
        """Answer a question, with what the answer was made from.

        Raises:
            InputError: `as_of` lies before the customer's last event.
            StoreError: the customer's state is not one of this catalog.
            redis.RedisError: the store cannot be reached.
        """
        moment = now if question.as_of is None else question.as_of
        found = self._states.read(question.customer_id)
        if found is not None and question.as_of is not None and moment < found.last_at:
            raise InputError(
                f"`asOf`: expected a time from the customer's last event on ({iso(found.last_at)}), "
                f"found {iso(moment)}; a state cannot be taken back"
            )
        state = profile.new_state() if found is None else found
        vector = profile.vector(state, moment)
        values = profile.named(vector)
        stage = lifecycle.stage(values)
        scorer = self._scorer(now)
        ever_ordered = values["orders_total"] > 0
        churn = self._churn(scorer, vector, question.explain) if scorer is not None and ever_ordered else None
        products = self._recommender.recommend(
            profile.repertoire(state, moment), now=moment, stage=stage, limit=question.limit, exclude=()
        )
        missing = {NO_MODEL: scorer is None, NO_ORDER: not ever_ordered, NO_PRODUCTS: not products}
        decision = Decision(
            decision_id=decision_id,
            customer_id=question.customer_id,
            known=found is not None,
            stage=stage,
            as_of=iso(moment),
            expires_at=iso(moment + LIFETIME),
            churn=churn,
            triggers=triggers(values, stage, churn.probability if churn else None),
            actions=rank(self._catalogue, stage, _highest(churn), question.limit),
            recommendations=products,
            versions=Versions(
                catalog.VERSION, None if scorer is None else scorer.version, self._catalogue.version
            ),
            degraded=tuple(what for what, is_missing in missing.items() if is_missing),
        )
        return Receipt(decision, question.decision_point, dict(question.context), _known(values))

    def warm_up(self, now: float) -> tuple[str, ...]:
        """Score once without a customer, so that the first question waits for nothing; say what is missing.

        Raises:
            ModelError: the model cannot score this catalog.
            redis.RedisError: the store cannot be reached.
        """
        scorer = self._scorer(now)
        if scorer is None:
            return (NO_MODEL,)
        self._churn(scorer, profile.vector(profile.new_state(), now), explain=True)
        return ()

    def model_version(self, now: float) -> str | None:
        """Return the version of the churn model in force, None if there is none."""
        scorer = self._scorer(now)
        return None if scorer is None else scorer.version

    def _churn(self, scorer: Scorer, vector: list[float], explain: bool) -> Churn:
        probability = scorer.score(vector)
        return Churn(probability, self._explain(vector, scorer.contributions(vector)) if explain else ())


def _highest(churn: Churn | None) -> float | None:
    return None if churn is None else max(churn.probability.values())


def _known(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in values.items()}
