"""What each action brings in a context: one model per action over a base that all of them share.

The base is a ridge regression on the context alone, over all rows: logistic if rewards are 0 or 1, else
linear. Each action then has a departure from it, drawn towards none: an action seen a few times brings about
what all bring, one seen often what it brought. So few rows invent no effect, and thousands of actions work.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.actions.action_log import ActionLog
from models.booster import REPEATABLE

if TYPE_CHECKING:
    from lightgbm import Booster

Array = NDArray[np.float64]

BASE_PENALTY = 1.0
LEVEL_PENALTY = 1.0
SLOPE_PENALTY = 100.0
"""Ridge penalties: of the base, of an action's own level and of its own slopes. Slopes are one over the
square of 0.1, the departure that is expected of an input that moves by one standard deviation."""
ROWS_FOR_SLOPES = 50
ROWS_FOR_TREES = 200
"""Rows that an action needs for slopes and for trees of its own; with fewer it has its level alone."""
STEPS = 25
ROUNDS = 60
TREES: dict[str, Any] = {
    "learning_rate": 0.05,
    "num_leaves": 8,
    "min_data_in_leaf": 50,
    "lambda_l2": 10.0,
    **REPEATABLE,
}


class RewardModels:
    """A linear model and small trees for each action, learned from a log.

    Args:
        log: the rows to learn from.
        inputs: their contexts as numbers, shape (n, inputs).
        seed: of the trees.
    """

    def __init__(self, log: ActionLog, inputs: Array, seed: int = 7) -> None:
        self._binary = bool(np.isin(log.reward, (0.0, 1.0)).all())
        self._centre = 0.0 if self._binary else float(log.reward.mean())
        self._scale = 1.0 if self._binary else float(log.reward.std()) or 1.0
        target = (log.reward - self._centre) / self._scale
        design = _design(inputs)
        penalty = np.full(design.shape[1], BASE_PENALTY)
        penalty[0] = 0.01  # only so that rewards which are all alike have a finite level
        self._base = self._ridge(design, target, np.zeros(len(log)), penalty)
        self._own = np.zeros((len(log.actions), design.shape[1]))
        self._trees: dict[int, Booster] = {}
        order = np.argsort(log.taken, kind="stable")
        ends = np.searchsorted(log.taken[order], np.arange(len(log.actions) + 1))
        for action in range(len(log.actions)):
            rows = order[ends[action] : ends[action + 1]]
            self._learn(action, design[rows], target[rows], seed)

    def linear(self, inputs: Array, action: int) -> Array:
        """The reward expected of an action in each context by its linear model, shape (n,)."""
        return self._reward(_line(inputs, self._base + self._own[action]))

    def trees(self, inputs: Array, action: int) -> Array:
        """The same by its trees; by its linear model where it has none."""
        if action not in self._trees:
            return self.linear(inputs, action)
        raw = self._trees[action].predict(inputs, raw_score=True, num_threads=1)
        return self._reward(_line(inputs, self._base) + np.asarray(raw))

    def _learn(self, action: int, design: Array, target: Array, seed: int) -> None:
        if not len(target):
            return
        offset = design @ self._base
        width = design.shape[1] if len(target) >= ROWS_FOR_SLOPES else 1
        penalty = np.full(width, SLOPE_PENALTY)
        penalty[0] = LEVEL_PENALTY
        self._own[action, :width] = self._ridge(design[:, :width], target, offset, penalty)
        if len(target) >= ROWS_FOR_TREES and design.shape[1] > 1:
            self._trees[action] = self._boost(design[:, 1:], target, offset, seed)

    def _ridge(self, design: Array, target: Array, offset: Array, penalty: Array) -> Array:
        """Newton's method on the penalised likelihood; one step is exact where the model is linear."""
        coefficients = np.zeros(design.shape[1])
        for _ in range(STEPS if self._binary else 1):
            score = offset + design @ coefficients
            expected = expit(score) if self._binary else score
            weight = np.maximum(expected * (1.0 - expected), 1e-6) if self._binary else np.ones(len(score))
            slope = design.T @ (target - expected) - penalty * coefficients
            step = np.linalg.solve((design * weight[:, None]).T @ design + np.diag(penalty), slope)
            coefficients += np.clip(step, -3.0, 3.0)  # a far step may overshoot
            if np.abs(step).max() < 1e-6:
                break
        return coefficients

    def _boost(self, inputs: Array, target: Array, offset: Array, seed: int) -> "Booster":
        import lightgbm

        params = TREES | {"objective": "binary" if self._binary else "regression", "seed": seed}
        data = lightgbm.Dataset(inputs, target, init_score=offset, params=params)
        return lightgbm.train(params, data, num_boost_round=ROUNDS)

    def _reward(self, score: Array) -> Array:
        found: Array = expit(score) if self._binary else self._centre + self._scale * score
        return found


def average(models: RewardModels, inputs: Array, action: int) -> Array:
    """The mean of what the linear model and the trees expect of an action, shape (n,)."""
    found: Array = (models.linear(inputs, action) + models.trees(inputs, action)) / 2.0
    return found


def _line(inputs: Array, coefficients: Array) -> Array:
    found: Array = coefficients[0] + inputs @ coefficients[1:]
    return found


def _design(inputs: Array) -> Array:
    return np.column_stack([np.ones(len(inputs)), inputs])
