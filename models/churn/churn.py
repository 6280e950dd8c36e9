"""The churn model: for each horizon gradient-boosted trees (LightGBM) and a linear partner, joined.

Both learn from the signals as they stood at past cut-offs. What suits the customers at hand (how many trees,
how strongly the linear weights are held to zero, how much each of the two counts) is chosen on the latest
cut-offs, by models that know only what was known one horizon before them; then all rows train the model.
Classes are not reweighted: that would spoil the probabilities.

Sources: Ke et al. 2017, "LightGBM: a highly efficient gradient boosting decision tree"; Wolpert 1992,
"Stacked generalization".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ebbtide.errors import ModelError
from models.booster import REPEATABLE
from models.churn import linear
from models.churn.artefact import Artefact, Churned, Horizon, Scale
from models.churn.curve import ChurnCurve
from models.churn.stacking import shares

if TYPE_CHECKING:
    import lightgbm
    import pandas as pd

Array = NDArray[np.float64]

HORIZONS = (7, 14, 30, 60, 90)
"""Days; the horizon that matters most to the user is added."""
LEAST_ROWS = 100
LEAST_OF_A_CLASS = 20
MOST_ROWS = 250_000
"""Rows that train a horizon at most, drawn evenly: a frame of them is 300 MB, and more say little more."""
MOST_ROUNDS = 600
PATIENCE = 40
"""Rounds without a better log loss on the held-out cut-offs before the search for their number ends."""
FALLBACK_ROUNDS = 120
"""Rounds when no cut-off can be held out without looking into its own future."""
HELD_OUT_DAYS = 28
"""Cut-offs nearer to the latest than this are held out with it; if there are none, the one at this distance
is: one alone may be an odd week."""
STRENGTHS = (0.001, 0.01)
"""Variances of the linear weights' prior; the first is that of few rows."""


@dataclass(frozen=True)
class Plan:
    """What to train. `main`, `active` and `horizons` in days; `params` go over those of `defaults`."""

    main: int
    active: int
    churned: Churned = Churned.SILENCE
    horizons: tuple[int, ...] = HORIZONS
    seed: int = 7
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def days(self) -> tuple[int, ...]:
        """All horizons, ascending."""
        return tuple(sorted({self.main, *self.horizons}))


class Chosen(NamedTuple):
    """What was chosen on held-out time for one horizon."""

    rounds: int
    strength: float
    trees_share: float
    linear_share: float


@dataclass(frozen=True)
class TrainedModel:
    """A churn model, what was chosen for each horizon, and the total gain of each signal over all trees."""

    artefact: Artefact
    chosen: dict[int, Chosen]
    importance: dict[str, float]
    params: dict[str, Any]
    rows: dict[int, int]
    """Rows that trained each horizon."""

    def predict(self, frame: "pd.DataFrame", days: int | None = None) -> Array:
        """Give the probability of churn within `days` (the main horizon) for each row; shape (n,)."""
        curve = ChurnCurve(self.artefact)
        place = curve.days.index(self.artefact.main if days is None else days)
        found: Array = curve.predict_many(_matrix(frame, self.artefact.names))[:, place]
        return found


def label(days: int) -> str:
    """The column that says who churned within so many days: 1, 0, or NaN where it is not known yet."""
    return f"churned_{days}"


def train(
    frame: "pd.DataFrame",
    names: Sequence[str],
    catalog: str,
    plan: Plan,
    *,
    tell: Callable[[str], object] = str,
) -> TrainedModel:
    """Train on rows of `models.churn.dataset`; the same rows and plan give the same model.

    A horizon whose labels are too few is left out, but for the main one. `tell` hears what is being done.

    Raises:
        ModelError: too few rows, or too few of a class, for the main horizon.
    """
    names = tuple(names)
    _check(frame, plan.main)
    rows = rows_of(frame, names)
    horizons, chosen, counts = [], {}, {}
    gains = np.zeros(len(names))
    for days in plan.days:
        labels = frame[label(days)].to_numpy(float)
        if days != plan.main and not _enough(labels):
            continue
        tell(f"{days} days")
        known = _drawn(np.flatnonzero(~np.isnan(labels)), plan.seed)
        params = defaults(len(known), plan.seed) | plan.params
        choice = _choose(rows, labels, known, days, params)
        trees = _grow(rows, labels, known, names, params, choice.rounds)
        partner = linear.fit(rows.design, known, labels[known], choice.strength)
        gains += trees.feature_importance("gain")
        horizons.append(
            Horizon(days, trees.model_to_string(), partner, choice.trees_share, choice.linear_share)
        )
        chosen[days], counts[days] = choice, len(known)
    artefact = Artefact(
        *(catalog, names, plan.churned, plan.active, plan.main, rows.scale, tuple(horizons)),
        base_rate=float(np.nanmean(frame[label(plan.main)].to_numpy(float))),
    )
    importance = dict(zip(names, map(float, gains), strict=True))
    params = defaults(len(frame), plan.seed) | plan.params
    return TrainedModel(_exemplified(artefact, rows.matrix[-1]), chosen, importance, params, counts)


def defaults(rows: int, seed: int) -> dict[str, Any]:
    """LightGBM's parameters: small trees and slow learning, since most logs have thousands of rows."""
    return {
        "objective": "binary",
        "num_leaves": 8,
        "learning_rate": 0.03,
        "min_data_in_leaf": int(np.clip(rows // 200, 10, 100)),
        "feature_fraction": 0.3,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "lambda_l2": 5.0,
        "seed": seed,
        **REPEATABLE,
    }


class Rows(NamedTuple):
    """Signals of shape (n, signals), what the linear partner sees of them, and each row's cut-off in days."""

    matrix: Array
    scale: Scale
    design: linear.Design
    days: Array


def rows_of(frame: "pd.DataFrame", names: tuple[str, ...]) -> Rows:
    """Take what trains from a frame of `models.churn.dataset`."""
    matrix = _matrix(frame, names)
    days = frame["cutoff"].to_numpy("datetime64[s]").astype(np.int64) / 86_400.0
    return Rows(matrix, *linear.design(matrix), days)


def _check(frame: "pd.DataFrame", main: int) -> None:
    labels = frame[label(main)].to_numpy(float)
    if not _enough(labels):
        rows, churned = int((~np.isnan(labels)).sum()), int(np.nansum(labels))
        raise ModelError(
            f"training: expected at least {LEAST_ROWS} rows (a customer at a cut-off), with at least "
            f"{LEAST_OF_A_CLASS} who churned and {LEAST_OF_A_CLASS} who stayed; found {rows} rows, {churned} "
            "of them churned; import a longer log, or choose another --horizon or --active"
        )


def _enough(labels: Array) -> bool:
    rows, churned = int((~np.isnan(labels)).sum()), int(np.nansum(labels))
    return rows >= LEAST_ROWS and min(churned, rows - churned) >= LEAST_OF_A_CLASS


def _drawn(known: NDArray[np.intp], seed: int) -> NDArray[np.intp]:
    if len(known) <= MOST_ROWS:
        return known
    return np.sort(np.random.default_rng(seed).choice(known, MOST_ROWS, replace=False))


def held_out(
    at: Array, labels: Array, known: NDArray[np.intp], days: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """Part rows into those to learn from and the latest, which judge; None where that leaves too few.

    Args:
        at: each row's cut-off in days, shape (n,).
        labels: of shape (n,).
        known: places of the rows that have a label.
        days: the horizon: no label learned from looks past the first cut-off that judges.
    """
    cuts = np.unique(at[known])
    near = cuts[cuts > cuts[-1] - HELD_OUT_DAYS]
    if len(near) == 1:
        near = cuts[cuts >= cuts[-1] - HELD_OUT_DAYS]
    held = known[at[known] >= near[0]]
    past = known[at[known] <= at[held].min() - days]
    return (past, held) if _enough(labels[past]) and _enough(labels[held]) else None


def _choose(rows: Rows, labels: Array, known: NDArray[np.intp], days: int, params: dict[str, Any]) -> Chosen:
    """Choose on the latest cut-offs, by models of what was known one horizon before the first of them."""
    parted = held_out(rows.days, labels, known, days)
    if parted is None:
        return Chosen(FALLBACK_ROUNDS, STRENGTHS[0], 0.5, 0.5)
    past, held = parted
    trees = grow_until_best(rows, labels, past, held, params)
    tree_odds = np.asarray(trees.predict(rows.matrix[held], raw_score=True))
    tried = [
        (_log_loss(labels[held], odds), strength, odds)
        for strength in STRENGTHS
        for partner in [linear.fit(rows.design, past, labels[past], strength)]
        for odds in [linear.odds(rows.design, held, partner)]
    ]
    _, strength, linear_odds = min(tried, key=lambda each: each[0])
    mine, other = shares(labels[held], tree_odds, linear_odds)
    return Chosen(max(1, int(trees.best_iteration)), strength, mine, other)


def grow_until_best(
    rows: Rows, labels: Array, past: NDArray[np.intp], held: NDArray[np.intp], params: dict[str, Any]
) -> "lightgbm.Booster":
    """Grow trees on the rows `past` until the log loss on the rows `held` falls no more."""
    import lightgbm

    return lightgbm.train(
        params,
        lightgbm.Dataset(rows.matrix[past], labels[past]),
        num_boost_round=MOST_ROUNDS,
        valid_sets=[lightgbm.Dataset(rows.matrix[held], labels[held])],
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
    )


def _grow(
    rows: Rows,
    labels: Array,
    known: NDArray[np.intp],
    names: tuple[str, ...],
    params: dict[str, Any],
    rounds: int,
) -> "lightgbm.Booster":
    import lightgbm

    data = lightgbm.Dataset(rows.matrix[known], labels[known], feature_name=list(names))
    return lightgbm.train(params, data, num_boost_round=rounds)


def _log_loss(labels: Array, odds: Array) -> float:
    return float(np.mean(np.logaddexp(0.0, odds) - labels * odds))


def _exemplified(artefact: Artefact, vector: Array) -> Artefact:
    """The same with an example and what it gives."""
    import msgspec

    example = tuple(None if value != value else value for value in vector.tolist())
    expected = tuple(ChurnCurve(artefact).predict_one(vector.tolist()))
    return msgspec.structs.replace(artefact, example=example, expected=expected)


def _matrix(frame: "pd.DataFrame", names: tuple[str, ...]) -> Array:
    found: Array = frame[list(names)].to_numpy(np.float64)
    return found
