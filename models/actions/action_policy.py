"""How Ebbtide learns which action to take from a log of actions chosen by chance.

The safe choice is the constant action that did best. A policy that differs from customer to customer is
taken only if it gains on it beyond chance, in rows that its models have not seen. So a log without an effect
gives a constant, not an invented rule.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models.actions.action_log import ActionLog, Places
from models.actions.offpolicy import doubly_robust
from models.actions.reward_models import RewardModels, average

Array = NDArray[np.float64]
Expect = Callable[[RewardModels, Array, int], Array]

FOLDS = 5
CERTAIN = 1.2815515655446004
"""Standard errors above 0 that a gain must lie: one-sided 90%."""
LEARNERS: dict[str, Expect] = {
    "linear": RewardModels.linear,
    "trees": RewardModels.trees,
    "average": average,
}
"""Each way to expect rewards. Its policy takes the action whose expected reward less cost is highest."""


class Gain(NamedTuple):
    """What a policy gains per decision over the best constant action, and the lower end of that."""

    gain: float
    low: float


@dataclass(frozen=True)
class ActionPolicy:
    """A learned policy.

    Attributes:
        models: what it expects of each action.
        cost: of each action, shape (k,).
        constant: the place of the best constant action.
        learner: the way that its choices are made, one of `LEARNERS`; None: it always takes `constant`.
        gains: of each learner over the constant, in rows that its models had not seen.
    """

    models: RewardModels
    cost: Array
    constant: int
    learner: str | None
    gains: dict[str, Gain]

    def choose(self, inputs: Array) -> Places:
        """The place of the action to take in each context, shape (n,)."""
        if self.learner is None:
            return np.full(len(inputs), self.constant, dtype=np.intp)
        return greedy(self.models, inputs, self.cost, LEARNERS[self.learner])


def greedy(models: RewardModels, inputs: Array, cost: Array, expect: Expect) -> Places:
    """The action of the highest expected reward less cost; one at a time, so that thousands fit."""
    best = np.full(len(inputs), -np.inf)
    choice = np.zeros(len(inputs), dtype=np.intp)
    for action in range(len(cost)):
        value = expect(models, inputs, action) - cost[action]
        better = value > best
        best[better], choice[better] = value[better], action
    return choice


def learn(log: ActionLog, inputs: Array, advance: Callable[[int], None], seed: int = 7) -> ActionPolicy:
    """Learn a policy from a log; `inputs` are its contexts as numbers, shape (n, inputs).

    Units of progress are the `FOLDS` folds and the final models.
    """
    # Two threads gain little on matrices as narrow as these, and wait on each other where cores are shared.
    with threadpool_limits(1, "blas"):
        found = [_Fold(log, inputs, rows, seed, advance) for rows in _split(log, seed)]
        models = RewardModels(log, inputs, seed)
    advance(1)
    constant = _best_constant(found, log.cost, len(log))
    gains = {name: _gain(found, name, constant) for name in LEARNERS}
    sure = {name: gain for name, gain in gains.items() if gain.low > 0.0}
    learner = max(sure, key=lambda name: sure[name].gain) if sure else None
    return ActionPolicy(models, log.cost, constant, learner, gains)


def _split(log: ActionLog, seed: int) -> list[NDArray[np.bool_]]:
    fold = log.folds(FOLDS, seed)
    return [fold == number for number in range(FOLDS)]


class _Fold:
    """The rows of one fold, judged by models that learned from all others."""

    def __init__(
        self,
        log: ActionLog,
        inputs: Array,
        held: NDArray[np.bool_],
        seed: int,
        advance: Callable[[int], None],
    ) -> None:
        self.models = RewardModels(log.part(np.flatnonzero(~held)), inputs[~held], seed)
        self.log, self.inputs = log.part(np.flatnonzero(held)), inputs[held]
        choices = {
            name: greedy(self.models, self.inputs, log.cost, expect) for name, expect in LEARNERS.items()
        }
        self.sums, self.weights, self.squares = np.zeros((3, len(log.actions)))
        self.unexplained = 0.0
        self.values = {name: np.empty(len(self.log)) for name in choices}
        for action in range(len(log.actions)):
            value = self.value(action)
            for name, choice in choices.items():
                self.values[name][choice == action] = value[choice == action]
            self._count(action, value)
        advance(1)

    def _count(self, action: int, value: Array) -> None:
        taken = self.log.taken == action
        weight = 1.0 / self.log.propensity[taken]
        expected = average(self.models, self.inputs[taken], action)
        self.sums[action], self.weights[action] = value.sum(), weight.sum()
        self.squares[action] = weight @ weight
        self.unexplained += float(np.sum((self.log.reward[taken] - expected) ** 2))

    def value(self, action: int) -> Array:
        """What taking an action would bring in each row, cost taken off: doubly robust, shape (n,)."""
        weight = (self.log.taken == action) / self.log.propensity
        expected = average(self.models, self.inputs, action)
        found: Array = doubly_robust(weight, self.log.reward, expected, expected) - self.log.cost[action]
        return found


def _best_constant(folds: list[_Fold], cost: Array, rows: int) -> int:
    """The action with the highest value, each drawn towards the mean of all by how little is known of it.

    Of thousands of actions, the highest raw value would be that of the luckiest. The share of the spread that
    is real is found by moments (DerSimonian and Laird 1986). All actions share one variance of what the
    models leave unexplained: an action never rewarded would seem to have none. Ties go to the surest gain.
    """
    reward = np.sum([fold.sums for fold in folds], axis=0) / rows + cost
    unexplained = sum(fold.unexplained for fold in folds) / rows
    weights, squares = (sum(each) for each in zip(*((f.weights, f.squares) for f in folds), strict=True))
    effective = weights**2 / np.maximum(squares, 1e-12)
    precision = effective / max(unexplained, 1e-12)
    mean = (precision @ reward) / precision.sum()
    excess = precision @ (reward - mean) ** 2 - (len(reward) - 1)
    real = max(0.0, excess / (precision.sum() - (precision @ precision) / precision.sum()))
    drawn = mean + (reward - mean) * real * precision / (real * precision + 1.0)
    return int(np.lexsort(((reward - mean) * precision, drawn - cost))[-1])


def _gain(folds: list[_Fold], learner: str, constant: int) -> Gain:
    """Paired: in each row, the learner's value less the constant's; rows of one customer count as one."""
    gain = np.concatenate([fold.values[learner] - fold.value(constant) for fold in folds])
    _, whose = np.unique(np.concatenate([fold.log.group for fold in folds]), return_inverse=True)
    mean = float(gain.mean())
    error = float(np.sqrt(np.sum(np.bincount(whose, gain - mean) ** 2))) / len(gain)
    return Gain(mean, mean - CERTAIN * error)
