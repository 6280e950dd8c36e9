"""Replay decisions: make each again from its own receipt, and see that it comes out the same."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, TypeVar

from msgspec.structs import replace
from redis import Redis

from ebbtide.domain.decision import Receipt
from ebbtide.domain.ingest import iso
from ebbtide.jobs.progress import Progress
from ebbtide.logs.decisions import DecisionLog
from ebbtide.logs.documents import Documents
from features import catalog
from models.actions.choice import Situation, choose
from models.actions.kept import Kept
from models.churn.assessment import assess

Found = TypeVar("Found")
SHOWN = 20
"""Decisions that came out differently, of which is told what differs."""


@dataclass(frozen=True)
class Replay:
    """How many decisions were replayed, and how many came out equal.

    `missing` counts those that cannot be replayed, by the version that is no longer there. `different` says
    of the first few which parts differ, by decision.
    """

    decisions: int
    replayed: int
    equal: int
    missing: dict[str, int]
    different: dict[str, list[str]]

    @property
    def share(self) -> float | None:
        """The share of equal ones among those replayed; None if there are none."""
        return self.equal / self.replayed if self.replayed else None

    def public(self) -> dict[str, Any]:
        """What is printed as JSON."""
        return {**asdict(self), "share": self.share}


class _MissingError(Exception):
    """A version that is no longer there, in words."""


def replay_decisions(client: Redis, *, most: int, progress: Progress) -> Replay:
    """Replay the newest decisions of the log.

    Stage, churn, every candidate with its exclusion, value and probability, the choice and when it is sent
    are made again from the signals, consent and contacts of the receipt, with the versions that it names.
    Reasons and recommendations are not: they come from more than the receipt has.

    Args:
        client: of the Redis with the log; it must not decode responses.
        most: decisions at most.
        progress: of decisions.

    Raises:
        StoreError: the log holds something else.
        redis.RedisError: Redis does not answer.
    """
    kept, missing, different = Kept(Documents(client)), Counter[str](), dict[str, list[str]]()
    decisions = replayed = equal = 0
    with progress("Replay", total=most) as advance:
        for receipt in islice(DecisionLog(client).newest(), most):
            decisions += 1
            advance(1)
            try:
                parts = differences(receipt, kept)
            except _MissingError as what:
                missing[str(what)] += 1
                continue
            replayed += 1
            equal += not parts
            if parts and len(different) < SHOWN:
                different[receipt.decision.decision_id] = parts
    return Replay(decisions, replayed, equal, dict(missing.most_common()), different)


def differences(receipt: Receipt, kept: Kept) -> list[str]:
    """Make a decision again, and name the parts that differ."""
    decision, versions = receipt.decision, receipt.decision.versions
    if versions.catalog != catalog.VERSION:
        raise _MissingError(f"catalog {versions.catalog}")
    policy = _found("policy", versions.actions, kept.policy)
    scorer = None if versions.model is None else _found("churn model", versions.model, kept.churn)
    responses = (
        None if versions.responses is None else _found("response model", versions.responses, kept.responses)
    )
    vector = [receipt.signals.get(name, math.nan) for name in catalog.NAMES]
    assessment = assess(scorer, vector, receipt.previous_stage)
    situation = Situation(
        customer=receipt.customer,
        decision=decision.decision_id,
        decision_point=receipt.decision_point,
        at=receipt.at,
        vector=vector,
        assessment=assessment,
        context=receipt.context,
        reach=receipt.reach,
        history=receipt.history,
    )
    choice = choose(policy, responses, situation)
    actions = {action.id: action for action in policy.actions}
    said = None if decision.churn is None else replace(decision.churn, reasons=())
    parts = {
        "stage": assessment.stage == decision.stage,
        "churn": assessment.churn == said,
        "candidates": choice.candidates == receipt.candidates,
        "chosen": choice.chosen == receipt.chosen,
        "holdout": choice.holdout == receipt.holdout,
        "sendAt": all(
            one.send_at == iso(situation.sent_at(actions[one.id], policy.contact))
            for one in decision.actions
            if one.send_at and one.id in actions
        ),
    }
    return [part for part, same in parts.items() if not same]


def _found(what: str, version: str, find: Callable[[str], Found | None]) -> Found:
    found = find(version)
    if found is None:
        raise _MissingError(f"{what} {version}")
    return found
