"""What the field would use instead: rules and models on recency, frequency and money, to compare with.

Each learns from the same past rows as Ebbtide's model and answers for the same customers. A rule gives a
score and no probability; a logistic curve of that score, fitted on the past rows, turns it into one.
"""

import io
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ebbtide.errors import ModelError
from features.catalog import NAMES

if TYPE_CHECKING:
    from lifetimes import BetaGeoFitter

Array = NDArray[np.float64]

RFM = ("recency_days", "orders_total", "spend_total", "tenure_days")
"""Recency, frequency and money, with the time that they took."""
PRIOR_GAPS = 3.0
"""Gaps of average length that a customer's own mean gap is held to the average by."""
PENALTIES = (0.0, 0.01, 0.1)
"""Of the parameters of BG/NBD: the first with which its fit converges is taken."""


@dataclass(frozen=True)
class Past:
    """What a peer may learn from.

    Attributes:
        matrix: signals of customers at past cut-offs, shape (n, signals).
        churned: their labels, shape (n,).
        everyone: signals of all customers at the test cut-off, active or not, shape (m, signals).
        horizon: in days.
    """

    matrix: Array
    churned: NDArray[np.bool_]
    everyone: Array
    horizon: int


def recency(past: Past, asked: Array) -> Array:
    """The rule most used: the longer ago the last order, the likelier gone."""
    return _from_score(_column(past.matrix, "recency_days"), past.churned, _column(asked, "recency_days"))


def rhythm(past: Past, asked: Array) -> Array:
    """Recency against the customer's own rhythm: days since the last order over the own mean gap.

    The mean gap of few gaps is drawn towards that of all customers.
    """
    gaps = past.matrix[:, NAMES.index("gap_mean_days")]
    average = float(np.mean(gaps[~np.isnan(gaps)])) if (~np.isnan(gaps)).any() else float(past.horizon)

    def score(matrix: Array) -> Array:
        count = _column(matrix, "gaps_total")
        own = (count * _column(matrix, "gap_mean_days") + PRIOR_GAPS * average) / (count + PRIOR_GAPS)
        return _column(matrix, "recency_days") / np.maximum(own, 1e-9)

    return _from_score(score(past.matrix), past.churned, score(asked))


def rfm_logistic(past: Past, asked: Array) -> Array:
    """Logistic regression on the logarithms of `RFM`."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(_rfm(past.matrix), past.churned)
    found: Array = model.predict_proba(_rfm(asked))[:, 1]
    return found


def rfm_lightgbm(past: Past, asked: Array) -> Array:
    """LightGBM with its default parameters on `RFM`."""
    import lightgbm

    params = {"objective": "binary", "num_threads": 1, "verbosity": -1, "seed": 7}
    model = lightgbm.train(params, lightgbm.Dataset(_rfm(past.matrix), past.churned.astype(float)))
    return np.asarray(model.predict(_rfm(asked)), dtype=np.float64)


def bg_nbd(past: Past, asked: Array) -> Array:
    """BG/NBD, fitted on the history of everyone up to the test cut-off: the fewer orders expected, the worse.

    Source: Fader, Hardie and Lee 2005, "Counting your customers the easy way".

    Raises:
        ModelError: `lifetimes` is not installed, or its fit does not converge.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library divides by zero on its way
            from lifetimes import BetaGeoFitter
    except ImportError as error:
        raise ModelError('lifetimes is not installed: pip install "ebbtide[peers]"') from error
    fitted = None
    for penalty in PENALTIES:
        fitted = fitted or _converged(BetaGeoFitter(penalizer_coef=penalty), past.everyone)
    if fitted is None:
        raise ModelError(f"its fit did not converge, penalised by {', '.join(map(str, PENALTIES))}")

    def score(matrix: Array) -> Array:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            orders = fitted.conditional_expected_number_of_purchases_up_to_time(
                past.horizon, *_summary(matrix)
            )
        return 1.0 / (1.0 + np.nan_to_num(np.asarray(orders, dtype=np.float64), posinf=0.0, neginf=0.0))

    return _from_score(score(past.matrix), past.churned, score(asked))


PEERS: dict[str, Callable[[Past, Array], Array]] = {
    "recency": recency,
    "recency_own_rhythm": rhythm,
    "rfm_logistic": rfm_logistic,
    "bg_nbd": bg_nbd,
    "rfm_lightgbm": rfm_lightgbm,
}
"""By name: learn from the past, and give the probability of churn, shape (k,), for signals (k, signals)."""


def _column(matrix: Array, name: str) -> Array:
    return np.nan_to_num(matrix[:, NAMES.index(name)])


def _rfm(matrix: Array) -> Array:
    columns = np.column_stack([_column(matrix, name) for name in RFM])
    found: Array = np.sign(columns) * np.log1p(np.abs(columns))
    return found


def _from_score(past: Array, churned: NDArray[np.bool_], asked: Array) -> Array:
    """Logistic regression on the logarithm of one score, not negative."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(np.log1p(past).reshape(-1, 1), churned)
    found: Array = model.predict_proba(np.log1p(asked).reshape(-1, 1))[:, 1]
    return found


def _summary(matrix: Array) -> tuple[Array, Array, Array]:
    """Repeat purchase days, the age in days at the last of them, and the age now, since the first order."""
    repeats = _column(matrix, "gaps_total")
    at_last = repeats * _column(matrix, "gap_mean_days")
    return repeats, at_last, at_last + _column(matrix, "recency_days")


def _converged(model: "BetaGeoFitter", everyone: Array) -> "BetaGeoFitter | None":
    """The model fitted, or None. The library prints what its optimiser says: that is not our output."""
    with warnings.catch_warnings(), np.errstate(all="ignore"), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            fitted = model.fit(*_summary(everyone))
        except Exception:  # noqa: BLE001 (its optimiser fails in ways of its own: a peer must not end the run)
            return None
    return fitted if np.isfinite(fitted.summary["coef"]).all() else None
