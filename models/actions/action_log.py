"""A log of actions that were chosen by chance: who was in which context, what was done, what came of it."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class ActionLog:
    """One row for each decision.

    Attributes:
        actions: the names of all k actions.
        cost: what taking each costs, in units of the reward, shape (k,).
        taken: the place in `actions` of the one taken, shape (n,).
        reward: what came of it, before the cost, shape (n,).
        propensity: the probability in (0, 1] with which it had been chosen, shape (n,).
        group: rows of one customer have the same number, and are never parted, shape (n,).
        context: what was known before the choice: columns of numbers (NaN or null missing) or of text.
    """

    actions: tuple[str, ...]
    cost: Array
    taken: Places
    reward: Array
    propensity: Array
    group: Places
    context: pl.DataFrame

    def __len__(self) -> int:
        return len(self.taken)

    @property
    def profit(self) -> Array:
        """Reward less the cost of the action taken, shape (n,)."""
        return self.reward - self.cost[self.taken]

    def part(self, rows: Places) -> "ActionLog":
        """The log of some of its rows."""
        return ActionLog(
            self.actions,
            self.cost,
            self.taken[rows],
            self.reward[rows],
            self.propensity[rows],
            self.group[rows],
            self.context[rows] if self.context.width else self.context,
        )

    def folds(self, count: int, seed: int) -> Places:
        """Deal the groups out to folds at random: the fold of each row, shape (n,)."""
        numbers, whose = np.unique(self.group, return_inverse=True)
        dealt = np.arange(len(numbers)) % count
        return np.random.default_rng(seed).permutation(dealt)[whose]
