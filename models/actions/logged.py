"""Logged decisions made again under another policy or model, and what that would have brought.

What comes of a decision is the money of the customer's orders in the week after it, less what the action
costs. A decision counts by the chance that the other policy takes the action that was taken, over the chance
with which it was taken; a model of the money puts right what few rows say (`models.actions.offpolicy`). The
contacts that count for caps are those that the policy in force made.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ebbtide.domain.action import Candidate
from ebbtide.domain.decision import Receipt
from ebbtide.logs.outcomes import Attributed
from models.actions.action_log import ActionLog
from models.actions.actions import ActionCatalogue
from models.actions.choice import choose
from models.actions.offpolicy import doubly_robust, effective_sample_size, interval
from models.actions.recorded import situation, vector
from models.actions.responses import Responder
from models.actions.reward_models import RewardModels, average
from models.churn.inputs import scaled

Array = NDArray[np.float64]
FOLDS = 2
SEED = 7


class Row(NamedTuple):
    """A logged decision with what came of it."""

    receipt: Receipt
    outcome: Attributed


@dataclass(frozen=True)
class Valued:
    """Money per decision, with the ends of the 95% interval."""

    value: float
    low: float
    high: float


class Logged:
    """Logged decisions as arrays: n rows, k actions.

    Args:
        rows: decisions for customers who were not held out.
        actions: their policy's actions and all others that matter, by id.
        costs: of actions under the policy that logged, by id; 0 for the others.
    """

    def __init__(self, rows: Sequence[Row], actions: Sequence[str], costs: Mapping[str, float]) -> None:
        self.rows, self.actions = rows, list(actions)
        self.chances = self._spread([row.receipt.candidates for row in rows])
        """Of each action in each row, shape (n, k)."""
        customers = {row.outcome.customer_id for row in rows}
        numbers = {customer: number for number, customer in enumerate(sorted(customers))}
        taken = np.array([self.actions.index(row.receipt.chosen) for row in rows], dtype=np.intp)
        self.log = ActionLog(
            actions=tuple(self.actions),
            cost=np.array([costs.get(action, 0.0) for action in actions]),
            taken=taken,
            reward=np.array([row.outcome.week for row in rows]),
            propensity=self.chances[np.arange(len(rows)), taken],
            group=np.array([numbers[row.outcome.customer_id] for row in rows], dtype=np.intp),
            context=pl.DataFrame(),
        )

    def again(
        self,
        policy: ActionCatalogue,
        responder: Callable[[Receipt], Responder | None],
        advance: Callable[[int], None],
    ) -> Array:
        """Make each decision again; give the chance of each action, shape (n, k)."""
        found = []
        for row in self.rows:
            found.append(choose(policy, responder(row.receipt), situation(row.receipt)).candidates)
            advance(1)
        return self._spread(found)

    def weight(self, chances: Array) -> Array:
        """How much each row counts for a policy of these chances, shape (n,)."""
        found: Array = chances[np.arange(len(self.log)), self.log.taken] / self.log.propensity
        return found

    def expected(self) -> Array:
        """The money that models expect, which have not seen the row, shape (n, k)."""
        vectors = np.array([vector(row.receipt) for row in self.rows])
        _, inputs, _ = scaled(vectors)
        found = np.empty_like(self.chances)
        fold = self.log.folds(FOLDS, SEED)
        for number in range(FOLDS):
            held, others = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
            models = RewardModels(self.log.part(others), inputs[others])
            for place in range(len(self.actions)):
                found[held, place] = average(models, inputs[held], place)
        return found

    def values(self, chances: Array, expected: Array, costs: Array) -> Array:
        """What a policy of these chances would get in each row, its costs taken off, shape (n,)."""
        own = expected[np.arange(len(self.log)), self.log.taken]
        money = doubly_robust(
            self.weight(chances), self.log.reward, own, np.asarray((chances * expected).sum(axis=1))
        )
        return money - chances @ costs

    def valued(self, *columns: Array) -> list[Valued]:
        """The mean of each column of values, with its interval; customers drawn anew."""
        stacked = np.column_stack(columns)
        ends = zip(stacked.mean(axis=0), *interval(stacked, self.log.group), strict=True)
        return [Valued(float(mean), float(low), float(high)) for mean, low, high in ends]

    def _spread(self, candidates: Sequence[Sequence[Candidate]]) -> Array:
        places = {action: place for place, action in enumerate(self.actions)}
        found = np.zeros((len(candidates), len(self.actions)))
        for number, row in enumerate(candidates):
            for one in row:
                found[number, places[one.id]] = one.propensity
        return found


def effective(weight: Array) -> float:
    """Effective rows, times the mean weight where that is below its expectation, 1.

    A log that never did what a policy would do has small weights that are all alike: many rows by Kish's
    count, though none of them speaks of the policy.
    """
    return effective_sample_size(weight) * min(float(weight.mean()), 1.0)
