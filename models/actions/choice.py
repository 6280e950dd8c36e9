"""The choice of an action, from what is known of a customer at one moment.

It is made when a decision is, and made again from the receipt when that is replayed: the same both times.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ebbtide.domain.action import NOTHING, Action, Candidate
from ebbtide.domain.contact import ContactPolicy, History, Reach, first_full
from models.actions.actions import ActionCatalogue
from models.actions.arbitration import Judged, arbitrate
from models.actions.eligibility import judged
from models.actions.exploration import grown
from models.actions.holdout import held_out
from models.actions.responses import Responder
from models.actions.sending import BEST_HOUR, sent_at
from models.churn.assessment import Assessment
from models.expressions import Facts


class Situation(NamedTuple):
    """What a choice is made from.

    `at` in Unix seconds, UTC; `vector` are the signals in the catalog's order; a `decision_point` that the
    policy does not name counts as `default`.
    """

    customer: str
    decision: str
    decision_point: str
    at: float
    vector: Sequence[float]
    assessment: Assessment
    context: Mapping[str, Any]
    reach: Reach
    history: History

    def sent_at(self, action: Action, contact: ContactPolicy) -> float:
        """When an action is sent under a policy, if it is taken."""
        return sent_at(action, contact, self.reach, self.assessment.values[BEST_HOUR], self.at)

    def facts(self) -> Facts:
        """What conditions are judged on."""
        known = self.assessment
        return Facts(known.values, stage=known.stage, churn=known.main, context=self.context)


class Choice(NamedTuple):
    """How each action stood, which one is taken, and whether the customer is held out."""

    candidates: tuple[Candidate, ...]
    chosen: str
    holdout: bool


def choose(
    policy: ActionCatalogue, responses: Responder | None, seen: Situation, facts: Facts | None = None
) -> Choice:
    """Choose an action.

    Args:
        policy: the actions and the rules.
        responses: the learned model; without one the response is what the entry says.
        seen: what is known of the customer.
        facts: `seen.facts()`, where somebody made them already.
    """
    assessed, actions = seen.assessment, policy.actions
    probabilities = (
        [action.response for action in actions]
        if responses is None
        else responses.respond(seen.vector, actions)
    )
    holdout = held_out(seen.customer, policy.holdout)
    candidates, chosen = arbitrate(
        _ruled(policy, seen, facts or seen.facts()),
        probabilities,
        assessed.main,
        gamma=grown(policy.exploration, 0 if responses is None else responses.outcomes),
        decision_id=seen.decision,
        holdout=holdout,
    )
    return Choice(candidates, chosen, holdout)


def _ruled(policy: ActionCatalogue, seen: Situation, facts: Facts) -> list[Judged]:
    """Every action with the rule that excludes it, caps included."""
    ruled = judged(
        policy,
        facts,
        stage=seen.assessment.stage,
        now=seen.at,
        reach=seen.reach,
        taken=seen.history.taken,
        decision_point=seen.decision_point if seen.decision_point in policy.decision_points else "default",
        best_hour=seen.assessment.values[BEST_HOUR],
    )
    caps, contacts = policy.contact.caps, seen.history.contacts
    if not contacts:
        return ruled
    found: list[Judged] = []
    for action, rule in ruled:
        cap = (
            first_full(action, contacts, caps, seen.sent_at(action, policy.contact))
            if rule is None and action.id != NOTHING.id
            else None
        )
        found.append((action, rule if cap is None else cap.rule(action)))
    return found
