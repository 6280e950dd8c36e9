"""Search LightGBM's parameters within a time budget: Optuna's trials, judged on held-out time.

A trial is judged by the log loss at the main horizon on the latest cut-offs, by trees that know only what was
known one horizon before them. How many trees is each trial's own, by early stopping. The search begins at the
parameters that hold without it, so that it gives no worse ones on the rows that judge.

Source: Akiba et al. 2019, "Optuna: a next-generation hyperparameter optimization framework"; the sampler is
its tree-structured Parzen estimator (Bergstra et al. 2011).
"""

import re
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ebbtide.errors import InputError, ModelError
from models.churn import churn
from models.churn.churn import Plan

if TYPE_CHECKING:
    import optuna
    import pandas as pd

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_BUDGET = re.compile(r"(\d+(?:\.\d+)?)([smh])")


class Trial(NamedTuple):
    """One set of parameters that was tried: its log loss on held-out time, the trees it took, the seconds."""

    params: dict[str, Any]
    log_loss: float
    rounds: int
    seconds: float


def budget(text: str) -> float:
    """Read a time budget in seconds.

    >>> budget("5m"), budget("30s"), budget("1.5h")
    (300.0, 30.0, 5400.0)

    Raises:
        InputError: something else.
    """
    found = _BUDGET.fullmatch(text.strip())
    if found is None or not float(found[1]):
        raise InputError(f"--tune: expected a time such as 30s, 5m or 1h, found {text!r}")
    return float(found[1]) * _UNITS[found[2]]


def tune(
    frame: "pd.DataFrame",
    names: Sequence[str],
    plan: Plan,
    *,
    seconds: float,
    most: int | None = None,
    advance: Callable[[int], object] = int,
) -> list[Trial]:
    """Try parameters until the budget is spent, and give the trials, the best first.

    Args:
        frame: rows of `models.churn.dataset` to train on.
        names: the signals.
        plan: what will be trained; its parameters stay as they are, its seed seeds the search.
        seconds: the budget. A trial that has begun is finished, and the first is always made.
        most: trials at most.
        advance: told how many seconds more have passed.

    Raises:
        ModelError: no cut-off can be held out without looking into its own future.
    """
    import optuna

    data = _parted(frame, tuple(names), plan)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=plan.seed))
    defaults = churn.defaults(data.known, plan.seed)
    study.enqueue_trial({name: defaults[name] for name in _SPACE})
    found: list[Trial] = []

    def attempt(trial: "optuna.Trial") -> float:
        params = {name: suggest(trial) for name, suggest in _SPACE.items()} | plan.params
        found.append(_tried(data, params, defaults | params))
        advance(round(found[-1].seconds))
        return found[-1].log_loss

    ends = time.monotonic() + seconds

    def stop(study: "optuna.Study", _: object) -> None:
        if time.monotonic() >= ends:
            study.stop()

    study.optimize(attempt, n_trials=most, callbacks=[stop])
    return sorted(found, key=lambda each: each.log_loss)


class _Parted(NamedTuple):
    """Rows and labels, the places that learn and those that judge, and how many labels are known."""

    rows: churn.Rows
    labels: churn.Array
    past: NDArray[np.intp]
    held: NDArray[np.intp]
    known: int


def _parted(frame: "pd.DataFrame", names: tuple[str, ...], plan: Plan) -> _Parted:
    rows, labels = churn.rows_of(frame, names), frame[churn.label(plan.main)].to_numpy(float)
    known = np.flatnonzero(~np.isnan(labels))
    parted = churn.held_out(rows.days, labels, known, plan.main) if len(known) else None
    if parted is None:
        raise ModelError(
            f"--tune: expected cut-offs more than {plan.main} days (one horizon) apart, with enough "
            f"customers of both classes at each end; found {len(known)} rows at {len(set(rows.days))} "
            "cut-offs; import a longer log, or train without --tune"
        )
    return _Parted(rows, labels, *parted, len(known))


def _tried(data: _Parted, tried: dict[str, Any], params: dict[str, Any]) -> Trial:
    """Grow trees by all `params`, of which some were `tried`."""
    begun = time.monotonic()
    trees = churn.grow_until_best(data.rows, data.labels, data.past, data.held, params)
    loss = float(trees.best_score["valid_0"]["binary_logloss"])
    return Trial(tried, loss, trees.best_iteration, time.monotonic() - begun)


_SPACE: dict[str, Callable[["optuna.Trial"], float]] = {
    "learning_rate": lambda trial: trial.suggest_float("learning_rate", 0.01, 0.1, log=True),
    "num_leaves": lambda trial: trial.suggest_int("num_leaves", 4, 32, log=True),
    "min_data_in_leaf": lambda trial: trial.suggest_int("min_data_in_leaf", 5, 300, log=True),
    "feature_fraction": lambda trial: trial.suggest_float("feature_fraction", 0.1, 1.0),
    "lambda_l2": lambda trial: trial.suggest_float("lambda_l2", 0.1, 50.0, log=True),
}
