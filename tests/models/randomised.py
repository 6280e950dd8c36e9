"""Randomised logs with effects that are known, to hold policies and estimators against."""

import numpy as np
import polars as pl

from models.actions.action_log import ActionLog


def randomised_log(brings, *, rows=4_000, costs=(0.0, 0.0, 0.0), seed=1):
    """Three actions chosen by uneven chance; `brings(x, action)` is the chance of a reward; x is (n, 2)."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.normal(size=rows), rng.integers(2, size=rows)])
    chance = np.array([0.5, 0.3, 0.2])
    taken = rng.choice(3, size=rows, p=chance)
    wins = np.column_stack([brings(x, action) * np.ones(rows) for action in range(3)])
    reward = (rng.random(rows) < wins[np.arange(rows), taken]).astype(float)
    log = ActionLog(
        actions=("call", "mail", "none"),
        cost=np.array(costs),
        taken=taken.astype(np.intp),
        reward=reward,
        propensity=chance[taken],
        group=np.arange(rows),
        context=pl.DataFrame({"age": x[:, 0], "member": np.where(x[:, 1] > 0, "yes", "no")}),
    )
    return log, wins - np.array(costs)
