"""The answer: a draft as the decision that is given and the receipt that is kept."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from msgspec.structs import replace

from ebbtide.domain.action import Action
from ebbtide.domain.contact import ContactPolicy
from ebbtide.domain.decision import Decision, Receipt, Signals, Versions
from ebbtide.domain.ingest import iso
from features.catalog import NAMES
from features.profile import last_stage
from models.actions.arbitration import ranked
from models.actions.messages import Slots, filled
from models.triggers.triggers import Rules, open_triggers
from serving.draft import Draft

LIFETIME = 15 * 60.0
"""Seconds for which a decision holds."""
NO_PRODUCTS = "no products to recommend"
_iso = lru_cache(maxsize=64)(iso)
"""Questions that are answered together have one moment."""


class Answerer(NamedTuple):
    """What turns drafts into answers.

    Attributes:
        actions: those of the policy, by id.
        contact: the policy's rules for contacts.
        rules: of triggers.
        versions: of what the drafts were made with.
        faults: what was wrong with that, for all customers.
    """

    actions: Mapping[str, Action]
    contact: ContactPolicy
    rules: Rules
    versions: Versions
    faults: tuple[str, ...]

    def receipt(self, draft: Draft) -> Receipt:
        """The receipt, with the decision, of a draft whose choice is made."""
        situation, choice, state = draft.situation, draft.choice, draft.known.state
        return Receipt(
            self._decision(draft),
            draft.question.decision_point,
            dict(draft.question.context),
            Signals(NAMES, draft.packed),
            age_seconds=None if state is None else situation.at - state.last_at,
            person="" if situation.customer == draft.question.customer_id else situation.customer,
            at=situation.at,
            previous_stage="" if state is None else last_stage(state),
            reach=situation.reach,
            history=situation.history,
            candidates=choice.candidates,
            chosen=choice.chosen,
            holdout=choice.holdout,
        )

    def _decision(self, draft: Draft) -> Decision:
        question, choice, products = draft.question, draft.choice, draft.products
        assessment, moment = draft.situation.assessment, draft.situation.at
        churn, values, stage = assessment.churn, assessment.values, assessment.stage
        as_of = _iso(moment)
        if churn is not None and draft.reasons:
            churn = replace(churn, reasons=draft.reasons)
        return Decision(
            decision_id=question.decision_id,
            customer_id=question.customer_id,
            known=draft.known.state is not None,
            stage=stage,
            as_of=as_of,
            expires_at=_iso(moment + LIFETIME),
            churn=churn,
            triggers=open_triggers(
                self.rules, draft.known.fired, values, stage, assessment.main, draft.facts
            ),
            actions=ranked(
                choice.candidates,
                choice.chosen,
                _speaker(draft, self.actions),
                self._sender(draft, as_of),
                draft.limit,
            ),
            recommendations=products,
            versions=self.versions,
            degraded=(*self.faults, *assessment.faults, *(() if products else (NO_PRODUCTS,))),
        )

    def _sender(self, draft: Draft, as_of: str) -> Callable[[str], str]:
        """When an action is sent to this customer, by the action's id; `as_of` is the present."""

        def send(action: str) -> str:
            one, situation = self.actions[action], draft.situation
            at = situation.sent_at(one, self.contact)
            return as_of if at == situation.at else _iso(at)

        return send


def _speaker(draft: Draft, actions: Mapping[str, Action]) -> Callable[[str], str]:
    """What an action's message says to this customer, by the action's id."""
    assessment, names = draft.situation.assessment, [product.name for product in draft.products]
    slots = Slots(assessment.values, assessment.stage, draft.question.context, names)
    return lambda action: filled(actions[action].message, slots)
