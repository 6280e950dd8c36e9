"""A shop of which everything is known: who orders unasked, and what each action adds or takes away.

The log-odds of an order within a week are linear in the logarithms of what is known of a customer, with
slopes of each action's own. A fifth of the customers are annoyed: any contact drives them away. So the best
action, and what any policy really gets, can be told exactly.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ebbtide.domain.action import NOTHING, Action

Array = NDArray[np.float64]

SIGNALS = ("recency", "frequency", "spend", "visits", "opens", "discounts", "age", "annoyed")
"""What is known of a customer: as skewed as counts and money are, but for the mark of who is annoyed."""
ACTIONS = (
    NOTHING,
    *(
        Action(
            id=f"offer_{number}", channel="email", message="", response=0.1, value=1.0, outcome="conversion"
        )
        for number in range(1, 6)
    ),
)
UNASKED = -2.0
ANNOYED_SHARE, ANNOYANCE = 0.2, -2.5


@dataclass(frozen=True)
class Shop:
    """One shop, drawn by its seed."""

    seed: int

    @cached_property
    def _slopes(self) -> tuple[Array, Array, Array]:
        """Of an order unasked, shape (signals,); of each action's effect, and its level, by actions."""
        rng = np.random.default_rng((self.seed, 1))
        unasked = rng.normal(0.0, 0.3, len(SIGNALS))
        effects = rng.normal(0.0, 0.5, (len(ACTIONS), len(SIGNALS)))
        levels = rng.normal(0.2, 0.3, len(ACTIONS))
        effects[0], levels[0] = 0.0, 0.0
        return unasked, effects, levels

    def customers(self, count: int) -> Array:
        """The customers that come by, in their order, shape (count, signals)."""
        found = np.random.default_rng((self.seed, 2)).normal(size=(count, len(SIGNALS)))
        annoyed = np.random.default_rng((self.seed, 4)).random(count) < ANNOYED_SHARE
        found[:, -1] = np.log(2.0) * annoyed
        return np.asarray(np.sign(found) * np.expm1(np.abs(found)))

    def luck(self, count: int) -> Array:
        """What decides whether each customer orders, shape (count,): the same whatever is done."""
        return np.random.default_rng((self.seed, 3)).random(count)

    def chances(self, customers: Array) -> Array:
        """The probability of an order by customer and action, shape (n, actions)."""
        unasked, effects, levels = self._slopes
        known = logs(customers)
        odds = UNASKED + (known @ unasked)[:, None] + known @ effects.T + levels
        odds[:, 1:] += ANNOYANCE * customers[:, -1:]
        found: Array = 1.0 / (1.0 + np.exp(-odds))
        return found


def logs(customers: Array) -> Array:
    """What is known on the scale on which it is linear, standardised; the same shape."""
    return np.asarray(np.sign(customers) * np.log1p(np.abs(customers)))


def averse(chances: Array) -> NDArray[np.bool_]:
    """Whom every action drives away, shape (n,): nothing is better than the best of them."""
    return np.asarray(chances[:, 0] > chances[:, 1:].max(axis=1))
