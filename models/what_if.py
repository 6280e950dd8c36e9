"""What a changed policy would have brought, from the log of the one in force.

Each logged decision is made again under the changed policy, from its receipt. A decision counts by the chance
that the changed policy takes the action that was taken, over the chance with which it was taken; a model of
the money puts right what few rows say (`models.offpolicy`). What was never possible in the log, nobody can
tell from it: then this says so, and gives no figure.

What comes of a decision is the money of the customer's orders in the week after it, less what the action
costs. The contacts that count for caps are those that the policy in force made.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ebbtide.domain.action import Action
from ebbtide.domain.decision import Receipt
from ebbtide.logs.outcomes import Attributed
from features import catalog
from models.action_log import ActionLog
from models.actions import ActionCatalogue
from models.assessment import Assessment
from models.choice import Situation, choose
from models.inputs import Inputs, scale_of
from models.offpolicy import doubly_robust, effective_sample_size, interval
from models.responses import Responses
from models.reward_models import RewardModels, average

Array = NDArray[np.float64]

FEWEST = 100
"""Decisions with a known outcome that are needed."""
FEW_EFFECTIVE = 50.0
"""Effective rows below which an interval is too narrow to be believed."""
IMPOSSIBLE = 0.02
"""The share of what a policy would do that may have been impossible in the log."""
FOLDS = 2
SEED = 7


@dataclass(frozen=True)
class Valued:
    """Money per decision, with the ends of the 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Share:
    """How often an action was taken in the log, and how often the changed policy would take it."""

    action: str
    logged: float
    changed: float
    impossible: float


@dataclass(frozen=True)
class WhatIf:
    """What a changed policy would have brought.

    Attributes:
        rows: decisions judged.
        shares: of each action.
        impossible: the share of what the changed policy would do that was impossible in the log.
        effective_sample_size: how many rows of equal weight would tell as much.
        refusal: why the log cannot tell; then there are no figures.
        changed, logged, gain: the changed policy, the one that logged, and the difference.
    """

    rows: int
    shares: list[Share]
    impossible: float
    effective_sample_size: float
    refusal: str | None
    changed: Valued | None = None
    logged: Valued | None = None
    gain: Valued | None = None


@dataclass(frozen=True)
class Row:
    """A logged decision with what came of it."""

    receipt: Receipt
    outcome: Attributed


@dataclass(frozen=True)
class _Chances:
    """Of each row: the chance of each action in the log and under the changed policy, shape (n, k)."""

    logged: Array
    changed: Array


def what_if(
    rows: Sequence[Row],
    policy: ActionCatalogue,
    costs: dict[str, float],
    advance: Callable[[int], None],
) -> WhatIf:
    """Judge a changed policy.

    Args:
        rows: logged decisions for customers who were not held out.
        policy: the changed one.
        costs: of the actions under the policy that logged, by id.
        advance: told of each decision made again.
    """
    if not rows:
        return WhatIf(0, [], 0.0, 0.0, "the log has no decision whose outcome is known yet")
    actions = _actions(rows, policy)
    chances = _chances(rows, policy, actions, advance)
    taken = np.array([actions.index(row.receipt.chosen) for row in rows], dtype=np.intp)
    propensity = chances.logged[np.arange(len(rows)), taken]
    weight = chances.changed[np.arange(len(rows)), taken] / propensity
    impossible = np.where(chances.logged == 0.0, chances.changed, 0.0).mean(axis=0)
    counted = np.bincount(taken, minlength=len(actions)) / len(rows)
    shares = [
        Share(
            action, float(counted[place]), float(chances.changed[:, place].mean()), float(impossible[place])
        )
        for place, action in enumerate(actions)
    ]
    found = WhatIf(len(rows), shares, float(impossible.sum()), _effective(weight), None)
    refusal = _refusal(found, certain=bool((propensity == 1.0).all()))
    if refusal is not None:
        return replace(found, refusal=refusal)
    log = _log(rows, actions, taken, propensity, costs)
    own = {action.id: action.cost for action in policy.actions}
    new_costs = np.array([own.get(action, costs.get(action, 0.0)) for action in actions])
    changed, logged = _values(log, chances.changed, weight, new_costs, _vectors(rows))
    columns = np.column_stack([changed, logged, changed - logged])
    low, high = interval(columns, log.group)
    values = [
        Valued(float(mean), float(least), float(most))
        for mean, least, most in zip(columns.mean(axis=0), low, high, strict=True)
    ]
    return replace(found, changed=values[0], logged=values[1], gain=values[2])


def _actions(rows: Sequence[Row], policy: ActionCatalogue) -> list[str]:
    """Every action of the policy and of the log."""
    named = dict.fromkeys(action.id for action in policy.actions)
    for row in rows:
        named |= dict.fromkeys(one.id for one in row.receipt.candidates)
    return list(named)


def _chances(
    rows: Sequence[Row], policy: ActionCatalogue, actions: list[str], advance: Callable[[int], None]
) -> _Chances:
    places = {action: place for place, action in enumerate(actions)}
    logged, changed = np.zeros((2, len(rows), len(actions)))
    for number, row in enumerate(rows):
        again = choose(policy, cast("Responses | None", Recorded.of(row.receipt)), _situation(row.receipt))
        for candidates, chances in ((row.receipt.candidates, logged), (again.candidates, changed)):
            for one in candidates:
                chances[number, places[one.id]] = one.propensity
        advance(1)
    return _Chances(logged, changed)


@dataclass(frozen=True)
class Recorded:
    """What a model said when a decision was made; of an action that it was not asked about, the entry."""

    said: dict[str, float]

    @classmethod
    def of(cls, receipt: Receipt) -> "Recorded | None":
        """What a receipt recorded; None where no model had a say, so that the entries of a policy hold."""
        if receipt.decision.versions.responses is None:
            return None
        return cls({one.id: one.response for one in receipt.candidates})

    def respond(self, vector: Sequence[float], actions: Sequence[Action]) -> list[float]:  # noqa: ARG002
        """The response of each action, as recorded."""
        return [self.said.get(action.id, action.response) for action in actions]


def _situation(receipt: Receipt) -> Situation:
    decision = receipt.decision
    values = {name: receipt.signals.get(name) for name in catalog.NAMES}
    known = {name: math.nan if value is None else value for name, value in values.items()}
    return Situation(
        customer=decision.customer_id,
        decision=decision.decision_id,
        decision_point=receipt.decision_point,
        at=receipt.at,
        vector=list(known.values()),
        assessment=Assessment(known, decision.stage, decision.churn, ()),
        context=receipt.context,
        reach=receipt.reach,
        history=receipt.history,
    )


def _refusal(found: WhatIf, *, certain: bool) -> str | None:
    """Why the log cannot tell; None if it can."""
    if found.rows < FEWEST:
        return f"expected at least {FEWEST} decisions with a known outcome, found {found.rows}; wait for more"
    if found.impossible > IMPOSSIBLE:
        worst = sorted(found.shares, key=lambda share: -share.impossible)
        named = ", ".join(
            f"{share.action} ({share.impossible:.1%})" for share in worst[:3] if share.impossible > 0.0
        )
        why = "the log's choices were certain: set `exploration`" if certain else "let them be tried first"
        return (
            f"{found.impossible:.1%} of what this policy would do was impossible in the log: {named}; "
            f"nobody can tell from it what would have come of that ({why})"
        )
    if found.effective_sample_size < FEW_EFFECTIVE:
        return (
            f"expected at least {FEW_EFFECTIVE:.0f} effective decisions, found "
            f"{found.effective_sample_size:.0f} in {found.rows}: the log seldom did what this policy would do"
        )
    return None


def _effective(weight: Array) -> float:
    """Effective rows, times the mean weight where that is below its expectation, 1.

    A log that never did what a policy would do has small weights that are all alike: many rows by Kish's
    count, though none of them speaks of the policy.
    """
    return effective_sample_size(weight) * min(float(weight.mean()), 1.0)


def _log(
    rows: Sequence[Row],
    actions: list[str],
    taken: NDArray[np.intp],
    propensity: Array,
    costs: dict[str, float],
) -> ActionLog:
    customers = {row.outcome.customer_id for row in rows}
    numbers = {customer: number for number, customer in enumerate(sorted(customers))}
    return ActionLog(
        actions=tuple(actions),
        cost=np.array([costs.get(action, 0.0) for action in actions]),
        taken=taken,
        reward=np.array([row.outcome.week for row in rows]),
        propensity=propensity,
        group=np.array([numbers[row.outcome.customer_id] for row in rows], dtype=np.intp),
        context=pl.DataFrame(),
    )


def _vectors(rows: Sequence[Row]) -> Array:
    """The signals as a model takes them, shape (n, signals)."""
    raw = np.array([_situation(row.receipt).vector for row in rows], dtype=np.float64)
    return Inputs(scale_of(raw))(raw)[0]


def _values(
    log: ActionLog, chances: Array, weight: Array, costs: Array, inputs: Array
) -> tuple[Array, Array]:
    """What the changed policy would get in each row, and what was got, costs taken off; shape (n,) each."""
    expected = np.empty_like(chances)
    fold = log.folds(FOLDS, SEED)
    for number in range(FOLDS):
        held, others = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        models = RewardModels(log.part(others), inputs[others])
        for place in range(len(log.actions)):
            expected[held, place] = average(models, inputs[held], place)
    own = expected[np.arange(len(log)), log.taken]
    money = doubly_robust(weight, log.reward, own, (chances * expected).sum(axis=1))
    return money - chances @ costs, log.profit


def says_nothing(receipt: Receipt) -> bool:
    """Whether a decision is of no use here: of a customer held out, or made from another catalog."""
    known = receipt.decision.versions.catalog == catalog.VERSION and receipt.candidates
    return receipt.holdout or not known
