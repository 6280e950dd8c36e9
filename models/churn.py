"""The churn model: gradient-boosted trees (LightGBM) on the signals as they stood at past cut-offs.

Source: Ke et al. 2017, "LightGBM: a highly efficient gradient boosting decision tree".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ebbtide.errors import ModelError

if TYPE_CHECKING:
    import lightgbm
    import pandas as pd

LEAST_ROWS = 100
LEAST_OF_A_CLASS = 20
MOST_ROUNDS = 600
PATIENCE = 40
"""Rounds without a better log loss on the held-out cut-off before the search for their number ends."""
FALLBACK_ROUNDS = 80
"""Rounds when no cut-off can be held out without looking into its own future."""


@dataclass(frozen=True)
class TrainedModel:
    """A churn model and what it was trained on. `horizon` and `active` in days."""

    booster: "lightgbm.Booster"
    names: tuple[str, ...]
    horizon: int
    active: int
    params: dict[str, Any]
    rounds: int

    def predict(self, frame: "pd.DataFrame") -> NDArray[np.float64]:
        """Give the probability of churn for each row of a frame with the signals; shape (n,)."""
        return np.asarray(self.booster.predict(frame[list(self.names)].to_numpy(float)), dtype=np.float64)

    @property
    def importance(self) -> dict[str, float]:
        """The total gain of each signal: the drop in training loss over all splits on it."""
        gains = self.booster.feature_importance("gain")
        return dict(zip(self.names, map(float, gains), strict=True))


def train(
    frame: "pd.DataFrame", names: Sequence[str], *, horizon: int, active: int, seed: int
) -> TrainedModel:
    """Train on rows of `models.dataset.training_rows`; the same rows and seed give the same model.

    The number of trees is the best on the latest cut-off, for a model trained on those at least one horizon
    before it; then all rows train the model that is returned. Classes are not reweighted: that would spoil
    the probabilities.

    Raises:
        ModelError: too few rows, or too few of a class.
    """
    _check(frame)
    names = tuple(names)
    params = _params(len(frame), seed)
    rounds = _rounds(frame, names, params, horizon)
    booster = _fit(frame, names, params, rounds)
    return TrainedModel(booster, names, horizon, active, params, rounds)


def _check(frame: "pd.DataFrame") -> None:
    rows, churned = len(frame), int(frame["churned"].sum())
    if rows < LEAST_ROWS or min(churned, rows - churned) < LEAST_OF_A_CLASS:
        raise ModelError(
            f"training: expected at least {LEAST_ROWS} rows (a customer at a cut-off), with at least "
            f"{LEAST_OF_A_CLASS} who churned and {LEAST_OF_A_CLASS} who stayed; found {rows} rows, {churned} "
            "of them churned; import a longer log, or choose another --horizon or --active"
        )


def _params(rows: int, seed: int) -> dict[str, Any]:
    """LightGBM's parameters: small trees and slow learning, since most logs have thousands of rows."""
    return {
        "objective": "binary",
        "num_leaves": 15,
        "learning_rate": 0.03,
        "min_data_in_leaf": int(np.clip(rows // 100, 10, 100)),
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 1.0,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        # Two threads gain little on such rows, and wait on each other for minutes when the cores are shared.
        "num_threads": 1,
        "verbosity": -1,
    }


def _rounds(frame: "pd.DataFrame", names: tuple[str, ...], params: dict[str, Any], horizon: int) -> int:
    """Find the number of trees that is best on the latest cut-off."""
    import lightgbm
    import pandas as pd

    latest = frame["cutoff"].max()
    held = frame[frame["cutoff"] == latest]
    past = frame[frame["cutoff"] <= latest - pd.Timedelta(days=horizon)]
    if min(past["churned"].nunique(), held["churned"].nunique()) < 2:
        return FALLBACK_ROUNDS
    booster = lightgbm.train(
        params,
        _dataset(past, names),
        num_boost_round=MOST_ROUNDS,
        valid_sets=[_dataset(held, names)],
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
    )
    return max(1, int(booster.best_iteration))


def _fit(
    frame: "pd.DataFrame", names: tuple[str, ...], params: dict[str, Any], rounds: int
) -> "lightgbm.Booster":
    import lightgbm

    return lightgbm.train(params, _dataset(frame, names), num_boost_round=rounds)


def _dataset(frame: "pd.DataFrame", names: tuple[str, ...]) -> "lightgbm.Dataset":
    import lightgbm

    labels = frame["churned"].to_numpy(float)
    return lightgbm.Dataset(frame[list(names)].to_numpy(float), labels, feature_name=list(names))
