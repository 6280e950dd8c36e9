"""The decision: from a customer's state to what to do next. Knows nothing of HTTP; time is given."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from ebbtide.domain.decision import Churn, Decision, Reason, Receipt, Recommendation, Versions
from ebbtide.domain.ingest import iso
from ebbtide.errors import InputError
from features import catalog, lifecycle, profile
from features.store.online import OnlineStore
from models.actions import ActionCatalogue, rank
from models.artefact import Churned
from models.population import could_cancel
from models.reasons import reasons
from models.recommendations import Recommender
from models.remedies import rescored
from models.scorer import ChurnScorer, ModelWatcher
from models.triggers import triggers

LIFETIME = 15 * 60.0
"""Seconds for which a decision holds."""
NO_MODEL = "no churn model"
NO_ORDER = "no order to judge churn by"
NO_SUBSCRIPTION = "no subscription to judge churn by, or one that was cancelled"
NO_PRODUCTS = "no products to recommend"


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
        models: ModelWatcher,
        recommender: Recommender,
        catalogue: ActionCatalogue,
    ) -> None:
        self._states = states
        self._models = models
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
        _check_reach(question.as_of, found)
        state = profile.new_state() if found is None else found
        vector = profile.vector(state, moment)
        values = profile.named(vector)
        stage = lifecycle.stage(values)
        scorer = self._models.refresh(now)
        churn = _churn(scorer, vector, values)
        if churn is not None and scorer is not None and question.explain:
            churn = replace(churn, reasons=_explained(scorer, state, vector, moment))
        probability = None if churn is None else churn.main
        products = self._recommender.recommend(
            profile.repertoire(state, moment), now=moment, stage=stage, limit=question.limit, exclude=()
        )
        decision = Decision(
            decision_id=decision_id,
            customer_id=question.customer_id,
            known=found is not None,
            stage=stage,
            as_of=iso(moment),
            expires_at=iso(moment + LIFETIME),
            churn=churn,
            triggers=triggers(values, stage, probability),
            actions=rank(self._catalogue, stage, probability, question.limit),
            recommendations=products,
            versions=Versions(
                catalog.VERSION, None if scorer is None else scorer.version, self._catalogue.version
            ),
            degraded=(*self.model_faults(now), *_faults(scorer, values, products)),
        )
        return Receipt(decision, question.decision_point, dict(question.context), _known(values))

    def warm_up(self, now: float) -> None:
        """Score once without a customer, so that the first question waits for nothing.

        Raises:
            ModelError: the model cannot score this catalog.
            StoreError: the model cannot be read.
        """
        scorer = self._models.refresh(now)
        vector = profile.vector(profile.new_state(), now)
        if scorer is not None:
            scorer.score(vector)
            _explained(scorer, profile.new_state(), vector, now)

    def model_version(self, now: float) -> str | None:
        """Return the version of the churn model in force, None if there is none."""
        scorer = self._models.refresh(now)
        return None if scorer is None else scorer.version

    def model_faults(self, now: float) -> tuple[str, ...]:
        """Return what is wrong with the churn model: there is none, or the newest one cannot be used."""
        absent = (NO_MODEL,) if self._models.refresh(now) is None else ()
        return absent if self._models.fault is None else (*absent, self._models.fault)


def _check_reach(as_of: float | None, state: profile.State | None) -> None:
    if as_of is not None and state is not None and as_of < state.last_at:
        raise InputError(
            f"`asOf`: expected a time from the customer's last event on ({iso(state.last_at)}), "
            f"found {iso(as_of)}; a state cannot be taken back"
        )


def _churn(scorer: ChurnScorer | None, vector: list[float], values: Mapping[str, float]) -> Churn | None:
    if scorer is None or _unjudged(scorer.artefact.churned, values) is not None:
        return None
    return scorer.churn(vector)


def _unjudged(churned: Churned, values: Mapping[str, float]) -> str | None:
    """Say why a customer is none of whom churn could be foretold."""
    if churned is Churned.CANCEL:
        return None if could_cancel(values) else NO_SUBSCRIPTION
    return None if values["orders_total"] else NO_ORDER


def _explained(
    scorer: ChurnScorer, state: profile.State, vector: list[float], moment: float
) -> tuple[Reason, ...]:
    told = reasons(vector, scorer.contributions(vector))
    return rescored(told, state, moment, scorer.predict_one)


def _faults(
    scorer: ChurnScorer | None, values: Mapping[str, float], products: tuple[Recommendation, ...]
) -> Iterator[str]:
    churned = Churned.SILENCE if scorer is None else scorer.artefact.churned
    unjudged = _unjudged(churned, values)
    if unjudged is not None:
        yield unjudged
    elif scorer is not None and churned is Churned.SILENCE and values["recency_days"] > scorer.active:
        yield f"no order in {scorer.active} days: the churn model was not trained on such customers"
    if not products:
        yield NO_PRODUCTS


def _known(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in values.items()}
