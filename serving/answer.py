"""The answer: a draft as the decision that is given and the receipt that is kept."""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from ebbtide.domain.action import Action
from ebbtide.domain.decision import Decision, Receipt, Recommendation, Versions
from ebbtide.domain.ingest import iso
from features.profile import State
from models.arbitration import ranked
from models.messages import filled, slot_values
from models.triggers import Rules, open_triggers
from serving.draft import Draft

LIFETIME = 15 * 60.0
"""Seconds for which a decision holds."""
NO_PRODUCTS = "no products to recommend"


def receipt(
    draft: Draft,
    products: tuple[Recommendation, ...],
    actions: Mapping[str, Action],
    rules: Rules,
    versions: Versions,
    faults: tuple[str, ...],
) -> Receipt:
    """Turn a draft into the decision and its receipt.

    Args:
        draft: with its choice made, and reserved.
        products: what to show.
        actions: those of the policy, by id.
        rules: of triggers.
        versions: of what the draft was made with.
        faults: what was wrong with that, for all customers.
    """
    question, situation, choice = draft.question, draft.situation, draft.choice
    assessment, moment = situation.assessment, situation.at
    churn = assessment.churn
    if churn is not None and draft.reasons:
        churn = replace(churn, reasons=draft.reasons)
    decision = Decision(
        decision_id=question.decision_id,
        customer_id=question.customer_id,
        known=draft.known.state is not None,
        stage=assessment.stage,
        as_of=iso(moment),
        expires_at=iso(moment + LIFETIME),
        churn=churn,
        triggers=open_triggers(
            rules, draft.known.fired, assessment.values, assessment.stage, assessment.main, draft.facts
        ),
        actions=ranked(choice.candidates, choice.chosen, _speaker(draft, products, actions), draft.limit),
        recommendations=products,
        versions=versions,
        degraded=(*faults, *assessment.faults, *(() if products else (NO_PRODUCTS,))),
    )
    state = draft.known.state
    return Receipt(
        decision,
        question.decision_point,
        dict(question.context),
        {name: value for name, value in assessment.values.items() if value == value},
        age_seconds=None if state is None else moment - state.last_at,
        person="" if situation.customer == question.customer_id else situation.customer,
        at=moment,
        previous_stage=previous_stage(state),
        reach=situation.reach,
        history=situation.history,
        candidates=choice.candidates,
        chosen=choice.chosen,
        holdout=choice.holdout,
    )


def _speaker(
    draft: Draft, products: tuple[Recommendation, ...], actions: Mapping[str, Action]
) -> Callable[[str], str]:
    """What an action's message says to this customer, by the action's id."""

    def say(action: str) -> str:
        message = actions[action].message
        if "{" not in message:
            return message
        assessment = draft.situation.assessment
        names = [product.name for product in products]
        given = slot_values(
            values=assessment.values,
            stage=assessment.stage,
            context=draft.question.context,
            products=names,
        )
        return filled(message, given)

    return say


def previous_stage(state: State | None) -> str:
    """The stage in which a customer was last seen; empty where that is not known."""
    return "" if state is None or state.memory is None else state.memory.stage
