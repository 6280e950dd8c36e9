"""Running measures of one model; a probability is judged by a label not known when it was given."""

from typing import Any

from river import metrics, stats

THRESHOLDS = 51
"""Points at which River follows the ROC curve: one per fiftieth of probability."""


class Progressive:
    """Log loss, ROC AUC and Brier score by River, with a state that JSON can hold."""

    def __init__(self) -> None:
        self.labels = 0
        self.churned = 0
        self._log_loss = metrics.LogLoss()
        self._roc_auc = metrics.ROCAUC(n_thresholds=THRESHOLDS)
        # The Brier score is the mean squared error of a probability (Brier 1950, Monthly Weather Review 78).
        self._brier = metrics.MSE()

    def update(self, churned: bool, probability: float) -> None:
        """Judge one probability in [0, 1]."""
        self.labels += 1
        self.churned += churned
        self._log_loss.update(churned, probability)
        self._roc_auc.update(churned, probability)
        self._brier.update(float(churned), probability)

    def values(self) -> dict[str, float]:
        """Give the measures so far; all 0 before the first label."""
        found = {"log_loss": self._log_loss, "roc_auc": self._roc_auc, "brier_score": self._brier}
        return {name: float(metric.get()) for name, metric in found.items()}

    def to_dict(self) -> dict[str, Any]:
        """Give the sums behind the measures."""
        return {
            "labels": self.labels,
            "churned": self.churned,
            "means": [metric._mean.get() for metric in (self._log_loss, self._brier)],
            "confusion": [[matrix.data[a][b] for a, b in _CELLS] for matrix in self._roc_auc.cms],
        }

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> "Progressive":
        """Give the measures as they were when `to_dict` was called."""
        made = cls()
        made.labels, made.churned = saved["labels"], saved["churned"]
        for metric, mean in zip((made._log_loss, made._brier), saved["means"], strict=True):
            metric._mean = stats.Mean._from_state(made.labels, mean)
        for matrix, counts in zip(made._roc_auc.cms, saved["confusion"], strict=True):
            for (actual, said), count in zip(_CELLS, counts, strict=True):
                matrix.update(actual, said, count)
        return made


_CELLS = ((True, True), (True, False), (False, True), (False, False))
"""Actual and said, for each cell of a confusion matrix."""
