"""Corrects the champion's probability as labels come due: River's logistic regression on its log-odds.

Several correctors learn at different rates; they and the champion itself are mixed by how right each has been
(`models.churn.mixture`). All start at the champion's own probability and move away only as labels say so, and
none is listened to before what it said has come true. So the correction can hardly lose, and gains where
customers have changed since the training.

A label is due when event time has passed the horizon; orders and silence alike wait until then. Learning "has
ordered" as soon as it shows would teach that nobody leaves.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from river import drift, linear_model, optim, stats

from ebbtide.errors import ModelError
from models.churn.mixture import Mixture
from models.churn.progressive import Progressive

DAY = 86_400.0
FORMAT = 2
RATES = (0.0003, 0.001, 0.003, 0.01)
"""Learning rates of the correctors: from some 10,000 labels to follow a change, to some 300."""
BATCH = "batch_log_odds"
FURTHEST = 1e-6
"""No probability is nearer to 0 or 1."""
RISE = 0.02
"""A mean log loss that rises by less than this is no drift."""
ALARM = 50.0
"""Summed rise of the log loss at which drift is told."""


@dataclass(slots=True)
class Pending:
    """A prediction that waits for its label. `at` in Unix seconds; the first expert is the batch model."""

    customer: str
    at: float
    segments: tuple[str, ...]
    experts: tuple[float, ...]
    online: float
    champion: str
    ordered: bool = False


def segments(recency_days: float, orders: float, horizon: int) -> tuple[str, ...]:
    """Name the groups whose probabilities are corrected apart: by silence over the horizon, and newcomers."""
    silence = recency_days / horizon
    band = "fresh" if silence < 0.25 else "recent" if silence < 0.5 else "late" if silence < 1 else "silent"
    return (band, "newcomer") if orders <= 1 else (band,)


class OnlineChurn:
    """Predict, remember, and learn when the label is due.

    Args:
        horizon: days without an order that make a churned customer.
        spacing: days between two remembered predictions of one customer.
        capacity: predictions that may wait; the oldest are dropped, and counted, beyond that.
    """

    def __init__(self, *, horizon: int, spacing: float = 7.0, capacity: int = 50_000) -> None:
        self.horizon, self.spacing, self.capacity = horizon, spacing, capacity
        self.champion = ""
        """Version of the batch model that is corrected."""
        self.dropped = 0
        """Predictions given up unlearned, for want of room."""
        self.drifts = 0
        self.drift_at: float | None = None
        """When drift was last told, Unix seconds of event time."""
        self._begin()
        self._pending: deque[Pending] = deque()
        self._by_customer: dict[str, deque[Pending]] = {}
        self._online, self._batch = Progressive(), Progressive()

    def follow(self, champion: str) -> None:
        """Correct another batch model from now on, beginning anew, if it is another version.

        What the last one said still waits to be measured, but teaches nothing about the new one.
        """
        if champion != self.champion:
            self.champion = champion
            self._begin()

    def predict(self, batch_probability: float, segments: Sequence[str] = ()) -> float:
        """Give the corrected probability of churn, from the batch model's and the customer's segments."""
        return self._mixture.mix(self._experts(batch_probability, segments))

    def remember(
        self, customer: str, at: float, batch_probability: float, segments: Sequence[str] = ()
    ) -> bool:
        """Keep a prediction made at `at` (Unix seconds) for learning; False if the last one is too recent."""
        own = self._by_customer.get(customer)
        if own and at < own[-1].at + self.spacing * DAY:
            return False
        experts = self._experts(batch_probability, segments)
        online = self._mixture.mix(experts)
        self._append(Pending(customer, at, tuple(segments), experts, online, self.champion))
        if len(self._pending) > self.capacity:
            self._pop()
            self.dropped += 1
        return True

    def order(self, customer: str, at: float) -> None:
        """Note an order at `at` (Unix seconds): the predictions it falls after are of one who stayed."""
        for entry in self._by_customer.get(customer, ()):
            if entry.at < at <= entry.at + self.horizon * DAY:
                entry.ordered = True

    def advance(self, now: float) -> int:
        """Learn every label that is due at event time `now` (Unix seconds), in the order of the predictions.

        Returns how many were learned.
        """
        learned = 0
        while self._pending and now > self._pending[0].at + self.horizon * DAY:
            self._learn(self._pop())
            learned += 1
        return learned

    def metrics(self) -> dict[str, float]:
        """Give each model's measures so far; every prediction was made before its label was known.

        `online_` and `batch_` with `log_loss`, `roc_auc` and `brier_score`; the counts `labels`, `churned`,
        `pending`, `dropped` and `drifts`; `drift_at`, Unix seconds of the last drift, 0 without one;
        `batch_weight`, how much the uncorrected probability counts now. Without labels the measures are 0.
        """
        counts = {
            "labels": self._online.labels,
            "churned": self._online.churned,
            "pending": len(self._pending),
            "dropped": self.dropped,
            "drifts": self.drifts,
            "drift_at": self.drift_at or 0.0,
            "batch_weight": self._mixture.weights[0],
        }
        measures = {
            f"{who}_{name}": value
            for who, kept in (("online", self._online), ("batch", self._batch))
            for name, value in kept.values().items()
        }
        return {name: float(count) for name, count in counts.items()} | measures

    def to_dict(self) -> dict[str, Any]:
        """Give the whole state in values that JSON can hold."""
        watch = self._watch
        return {
            "format": FORMAT,
            "settings": {"horizon": self.horizon, "spacing": self.spacing, "capacity": self.capacity},
            "champion": self.champion,
            "counts": [self.dropped, self.drifts, self.drift_at],
            "correctors": [[each.weights, each.intercept] for each in self._correctors],
            "mixture": [self._mixture.weights, self._mixture.judged],
            "watch": [
                watch._x_mean.n,
                watch._x_mean.get(),
                watch._sum_increase,
                min(watch._min_increase, 0.0),
            ],
            "pending": [list(astuple(entry)) for entry in self._pending],
            "metrics": [self._online.to_dict(), self._batch.to_dict()],
        }

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> "OnlineChurn":
        """Give the model as it was when `to_dict` was called.

        Raises:
            ModelError: saved in another format.
        """
        if saved.get("format") != FORMAT:
            raise ModelError(
                f"online model: expected format {FORMAT}, found {saved.get('format')!r}; "
                "delete the saved state to begin anew"
            )
        made = cls(**saved["settings"])
        made.champion = saved["champion"]
        made.dropped, made.drifts, made.drift_at = saved["counts"]
        for corrector, (weights, intercept) in zip(made._correctors, saved["correctors"], strict=True):
            corrector._weights.update(weights)
            corrector.intercept = intercept
        made._mixture.weights, made._mixture.judged = saved["mixture"]
        made._watch = _watch(*saved["watch"])
        for customer, at, groups, experts, *rest in saved["pending"]:
            made._append(Pending(customer, at, tuple(groups), tuple(experts), *rest))
        made._online, made._batch = (Progressive.from_dict(each) for each in saved["metrics"])
        return made

    def _begin(self) -> None:
        self._correctors = [_corrector(rate) for rate in RATES]
        self._mixture = Mixture(1 + len(RATES))
        self._watch = _watch()

    def _experts(self, batch_probability: float, segments: Sequence[str]) -> tuple[float, ...]:
        """Give the batch model's probability and each corrector's."""
        batch = _within(batch_probability)
        inputs = _inputs(batch, segments)
        corrected = (_within(each.predict_proba_one(inputs)[True]) for each in self._correctors)
        return (batch, *corrected)

    def _learn(self, entry: Pending) -> None:
        churned = not entry.ordered
        self._online.update(churned, entry.online)
        self._batch.update(churned, entry.experts[0])
        if entry.champion != self.champion:
            return
        self._mixture.learn(entry.experts, churned)
        inputs = _inputs(entry.experts[0], entry.segments)
        for corrector in self._correctors:
            corrector.learn_one(inputs, churned)
        self._watch.update(-math.log(entry.online if churned else 1.0 - entry.online))
        if self._watch.drift_detected:
            self.drifts += 1
            self.drift_at = entry.at + self.horizon * DAY
            self._mixture.reset()
            self._watch = _watch()

    def _append(self, entry: Pending) -> None:
        self._pending.append(entry)
        self._by_customer.setdefault(entry.customer, deque()).append(entry)

    def _pop(self) -> Pending:
        entry = self._pending.popleft()
        own = self._by_customer[entry.customer]
        own.popleft()
        if not own:
            del self._by_customer[entry.customer]
        return entry


def _corrector(rate: float) -> linear_model.LogisticRegression:
    made = linear_model.LogisticRegression(optim.SGD(rate), intercept_lr=rate)
    made._weights.update({BATCH: 1.0})  # River has no public way to set weights.
    return made


def _watch(labels: int = 0, mean: float = 0.0, sum_: float = 0.0, least: float = 0.0) -> drift.PageHinkley:
    """Watch a loss for a rise: the test of Page 1954, "Continuous inspection schemes", without forgetting."""
    made = drift.PageHinkley(delta=RISE, threshold=ALARM, alpha=1.0, mode="up")
    # Its state is a mean and two sums, which JSON can hold; River offers a pickle only.
    made._x_mean = stats.Mean._from_state(labels, mean)
    made._sum_increase, made._min_increase = sum_, least
    return made


def _inputs(probability: float, segments: Sequence[str]) -> dict[str, float]:
    return {BATCH: math.log(probability / (1.0 - probability))} | dict.fromkeys(segments, 1.0)


def _within(probability: float) -> float:
    return min(max(probability, FURTHEST), 1.0 - FURTHEST)
