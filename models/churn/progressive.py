"""Running measures of one model; a probability is judged by a label not known when it was given."""

from typing import Any

from river import metrics, stats

BINS = 200
"""Bins of probability in which labels are counted for the ROC curve."""


class Progressive:
    """Log loss and Brier score by River, and ROC AUC from counts, with a state that JSON can hold.

    River's own ROC AUC keeps a confusion matrix for each of its thresholds and changes all of them with each
    label; counts by bin give the same curve, finer, from one addition.
    """

    def __init__(self) -> None:
        self._log_loss = metrics.LogLoss()
        # The Brier score is the mean squared error of a probability (Brier 1950, Monthly Weather Review 78).
        self._brier = metrics.MSE()
        self._stayed, self._left = [0] * BINS, [0] * BINS

    @property
    def labels(self) -> int:
        """How many labels were seen."""
        return sum(self._stayed) + sum(self._left)

    @property
    def churned(self) -> int:
        """How many of them had churned."""
        return sum(self._left)

    def update(self, churned: bool, probability: float) -> None:
        """Judge one probability in [0, 1]."""
        self._log_loss.update(churned, probability)
        self._brier.update(float(churned), probability)
        (self._left if churned else self._stayed)[min(int(probability * BINS), BINS - 1)] += 1

    def values(self) -> dict[str, float]:
        """Give the measures so far; all 0 before the first label."""
        return {
            "log_loss": float(self._log_loss.get()),
            "roc_auc": self._roc_auc(),
            "brier_score": float(self._brier.get()),
        }

    def to_dict(self) -> dict[str, Any]:
        """Give the sums behind the measures."""
        return {
            "means": [self._log_loss._mean.get(), self._brier._mean.get()],
            "counts": [list(self._stayed), list(self._left)],
        }

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> "Progressive":
        """Give the measures as they were when `to_dict` was called."""
        made = cls()
        made._stayed, made._left = (list(counts) for counts in saved["counts"])
        for metric, mean in zip((made._log_loss, made._brier), saved["means"], strict=True):
            metric._mean = stats.Mean._from_state(made.labels, mean)
        return made

    def _roc_auc(self) -> float:
        """Share of pairs (one left, one stayed) in which the leaver was given more; half where in one bin.

        Source: Mann and Whitney 1947, "On a test of whether one of two random variables is larger".
        """
        below, won = 0, 0.0
        for stayed, left in zip(self._stayed, self._left, strict=True):
            won += left * (below + stayed / 2.0)
            below += stayed
        pairs = below * self.churned
        return won / pairs if pairs else 0.0
