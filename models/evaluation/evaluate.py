"""How good probabilities are, under scikit-learn's names. Pure functions of labels and probabilities.

Everywhere `churned` has shape (n,) with True for those who left, and `probability` shape (n,) in [0, 1].
"""

import numpy as np
from numpy.typing import NDArray

from ebbtide.errors import ModelError

Labels = NDArray[np.bool_]
Probabilities = NDArray[np.float64]
BINS = 15
"""Bins of the calibration error, as in Naeini et al. 2015 and most papers since."""


def evaluate(churned: Labels, probability: Probabilities) -> dict[str, float]:
    """Measure everything; the definitions of the first four are scikit-learn's.

    `roc_auc` and `average_precision` judge the order (higher is better), `log_loss` and `brier_score` the
    probabilities (lower is better), `expected_calibration_error` whether a share p leaves where p was said,
    `lift_at_10` the riskiest tenth.

    Raises:
        ModelError: empty, of different lengths, or with one class only, where most of them mean nothing.
    """
    from sklearn import metrics

    churned, probability = np.asarray(churned, dtype=bool), np.asarray(probability, dtype=float)
    if len(churned) != len(probability) or not 0 < churned.sum() < len(churned):
        raise ModelError(
            "evaluation: expected as many labels as probabilities, of both classes; found "
            f"{len(churned)} labels, {int(churned.sum())} of them churned, and {len(probability)} "
            "probabilities; choose another cut-off"
        )
    return {
        "roc_auc": float(metrics.roc_auc_score(churned, probability)),
        "average_precision": float(metrics.average_precision_score(churned, probability)),
        "log_loss": float(metrics.log_loss(churned, probability, labels=[False, True])),
        "brier_score": float(metrics.brier_score_loss(churned, probability)),
        "expected_calibration_error": expected_calibration_error(churned, probability),
        "lift_at_10": lift(churned, probability, 0.1),
    }


def reliability(
    churned: Labels, probability: Probabilities, bins: int = BINS
) -> list[tuple[float, float, int]]:
    """List mean probability, share that churned and count, per bin of (nearly) equal count.

    Source: equal-mass binning, Nguyen and O'Connor 2015, "Posterior calibration and exploratory analysis".
    """
    order = np.argsort(probability, kind="stable")
    groups = [group for group in np.array_split(order, bins) if len(group)]
    return [(float(probability[g].mean()), float(churned[g].mean()), len(g)) for g in groups]


def expected_calibration_error(churned: Labels, probability: Probabilities, bins: int = BINS) -> float:
    """Give the mean distance of probability said and share seen over the bins, weighted by count, 0 to 1.

    Source: Naeini, Cooper and Hauskrecht 2015, "Obtaining well calibrated probabilities using
    Bayesian binning".

    >>> expected_calibration_error(np.array([False, True]), np.array([0.25, 0.75]), bins=1)
    0.0
    """
    return sum(
        abs(said - seen) * count for said, seen, count in reliability(churned, probability, bins)
    ) / len(churned)


def lift(churned: Labels, probability: Probabilities, share: float) -> float:
    """Divide the churn rate among the riskiest `share` of customers by that of all.

    Ties at the edge are counted at their mean, so that the order of the rows does not matter.

    >>> lift(np.array([True, False, False, False]), np.array([0.9, 0.2, 0.1, 0.3]), 0.25)
    4.0
    """
    top = max(1, round(share * len(churned)))
    edge = np.sort(probability)[-top]
    above, tied = probability > edge, probability == edge
    caught = churned[above].sum() + churned[tied].mean() * (top - above.sum())
    return float(caught / top / churned.mean())
