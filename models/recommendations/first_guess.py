"""A first guess of how likely a candidate is bought: a logistic regression, for which a small log is enough.

It sees the logarithms of what speaks for a product, apart for those that the customer had and for new ones.
The trees of `models.recommendations.ranker` start from it and learn what it gets wrong.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.recommendations.affinity import NAMES as AFFINITIES
from models.recommendations.affinity import Matrix
from models.recommendations.bought_before import Array

SPEAKING = (
    *AFFINITIES,
    *("product_orders", "product_lately", "product_week", "product_new_buyers", "product_new_buyers_week"),
    *("product_orders_4d", "product_orders_20d", "product_orders_90d"),
)
"""What speaks for a product, had or new."""
HABIT = ("count_15d", "count_60d", "count_360d", "share_60d", "share", "orders_since_last", "due_orders")
"""What speaks for buying it again."""
SHOPPING = ("basket", "pace_days", "orders_30d", "last_days", "variety")
"""Of the customer."""
LEAST = 0.05
"""Added before the logarithm, in means of what is above 0."""
STRENGTH = 0.02
"""Inverse of the regularisation, as `C` of scikit-learn."""
MOST = 60_000
"""Rows not bought that it learns from, drawn evenly; they count the more."""
_SEED = 7
_BLOCK = 100_000


class FirstGuess:
    """Learned from rows as `models.recommendations.candidates.Rows.values`, of which some were bought.

    Args:
        names: of the values.
        values: shape (rows, values).
        bought: whether each row was, shape (rows,); some have to be, and some not.
        weight: how much each row counts.
    """

    def __init__(
        self, names: tuple[str, ...], values: Matrix, bought: NDArray[np.bool_], weight: Array
    ) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        column = {name: place for place, name in enumerate(names)}
        self._speaking = [column[name] for name in SPEAKING]
        self._habit = [column[name] for name in HABIT]
        self._shopping = [column[f"customer_{name}"] for name in SHOPPING]
        self._had = column["count"]
        kept, share = _drawn(bought)
        values, weight = values[kept], np.where(bought[kept], 1.0, 1.0 / share) * weight[kept]
        speaking = np.maximum(values[:, self._speaking].astype(np.float64), 0.0)
        self._scale = np.maximum(speaking.sum(axis=0) / np.maximum((speaking > 0.0).sum(axis=0), 1), 1e-9)
        self._model: Any = make_pipeline(
            StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=200, tol=1e-3)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the trees go on from where it got
            self._model.fit(self._terms(values), bought[kept], logisticregression__sample_weight=weight)

    def log_odds(self, values: Matrix) -> Array:
        """Of each row."""
        parts = [values[start : start + _BLOCK] for start in range(0, len(values), _BLOCK)]
        found = [self._model.decision_function(self._terms(part)) for part in parts]
        return np.concatenate(found).astype(np.float64) if found else np.empty(0)

    def public(self) -> dict[str, Any]:
        """The formula, as JSON: what each term weighs, its mean and deviation; the units of what speaks."""
        scaler, regression = self._model[0], self._model[-1]
        both = [f"{which} {name}" for which in ("new", "had") for name in SPEAKING]
        columns = (regression.coef_[0], scaler.mean_, scaler.scale_)
        terms = zip([*both, *HABIT, *SHOPPING, "new"], *(each.tolist() for each in columns), strict=True)
        return {
            "intercept": float(regression.intercept_[0]),
            "terms": {
                name: dict(zip(("weight", "mean", "deviation"), of, strict=True)) for name, *of in terms
            },
            "units": dict(zip(SPEAKING, self._scale.tolist(), strict=True)),
        }

    def _terms(self, values: Matrix) -> Array:
        new = np.isnan(values[:, [self._had]])
        speaking = np.maximum(values[:, self._speaking].astype(np.float64), 0.0)
        speaking = np.log(speaking / self._scale + LEAST)
        rest = np.nan_to_num(values[:, [*self._habit, *self._shopping]].astype(np.float64))
        return np.column_stack([speaking * new, speaking * ~new, np.log1p(np.maximum(rest, 0.0)), new])


def _drawn(bought: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], float]:
    """All rows bought, and a share of the others."""
    share = min(MOST / max(int((~bought).sum()), 1), 1.0)
    return bought | (np.random.default_rng(_SEED).random(len(bought)) < share), share
