"""A churn model that learns from each label as it comes due: River's logistic regression on the batch model.

It starts as the batch model (its log-odds enter with weight 1, the signals with 0) and moves away from it
only as labels say so. A label is due when event time has passed the horizon; positives and negatives alike
wait until then. Learning "has ordered" as soon as it shows would teach it that nobody leaves.
"""

import math
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from river import linear_model, optim, preprocessing

from ebbtide.errors import ModelError
from models.progressive import Progressive

DAY = 86_400.0
BATCH = "batch_log_odds"
FURTHEST = 5.0
"""Standard deviations at which a scaled value is cut, so that one odd customer cannot throw the weights."""
LEARNING_RATE = 0.01
FORMAT = 1


@dataclass(slots=True)
class Pending:
    """A prediction that waits for its label. `at` in Unix seconds; `packed` holds the signals as float32."""

    customer: str
    at: float
    packed: bytes
    batch: float
    online: float
    ordered: bool = False


class OnlineChurn:
    """Predict, remember, and learn when the label is due.

    Args:
        names: the signals in the order of a vector.
        horizon: days without an order that make a churned customer.
        spacing: days between two remembered predictions of one customer.
        capacity: predictions that may wait; the oldest are dropped, and counted, beyond that.
    """

    def __init__(
        self, names: Sequence[str], *, horizon: int, spacing: float = 7.0, capacity: int = 50_000
    ) -> None:
        self.names = tuple(names)
        self.horizon, self.spacing, self.capacity = horizon, spacing, capacity
        self.dropped = 0
        """Predictions given up unlearned, for want of room."""
        self._scaler = preprocessing.StandardScaler()
        self._model = linear_model.LogisticRegression(optim.SGD(LEARNING_RATE), intercept_lr=LEARNING_RATE)
        self._model._weights.update({BATCH: 1.0})  # River has no public way to set weights.
        self._pending: deque[Pending] = deque()
        self._by_customer: dict[str, deque[Pending]] = {}
        self._online, self._batch = Progressive(), Progressive()

    def predict(self, vector: Sequence[float], batch_probability: float) -> float:
        """Give the probability of churn, from the signals (NaN is missing) and the batch model's probability.

        Raises:
            ModelError: the vector has not one value for each name.
        """
        return float(self._model.predict_proba_one(self._inputs(vector, batch_probability))[True])

    def remember(self, customer: str, at: float, vector: Sequence[float], batch_probability: float) -> bool:
        """Keep a prediction made at `at` (Unix seconds) for learning; False if the last one is too recent."""
        own = self._by_customer.get(customer)
        if own and at < own[-1].at + self.spacing * DAY:
            return False
        # Rounded first, so that what is learned is what a saved state would give back.
        values = np.asarray(vector, dtype="<f4")
        online = self.predict(values.tolist(), batch_probability)
        entry = Pending(customer, at, values.tobytes(), batch_probability, online)
        self._append(entry)
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

        `online_` and `batch_` with `log_loss`, `roc_auc` and `brier_score`, and the counts `labels`,
        `churned`, `pending` and `dropped`. Without labels the measures are 0.
        """
        counts = {
            "labels": self._online.labels,
            "churned": self._online.churned,
            "pending": len(self._pending),
            "dropped": self.dropped,
        }
        measures = {
            f"{who}_{name}": value
            for who, kept in (("online", self._online), ("batch", self._batch))
            for name, value in kept.values().items()
        }
        return {name: float(count) for name, count in counts.items()} | measures

    def to_dict(self) -> dict[str, Any]:
        """Give the whole state in values that JSON can hold."""
        return {
            "format": FORMAT,
            "names": list(self.names),
            "settings": {"horizon": self.horizon, "spacing": self.spacing, "capacity": self.capacity},
            "dropped": self.dropped,
            "scaler": [dict(self._scaler.counts), dict(self._scaler.means), dict(self._scaler.vars)],
            "model": [self._model.weights, self._model.intercept, self._model.optimizer.n_iterations],
            "pending": [
                asdict(entry) | {"packed": b64encode(entry.packed).decode()} for entry in self._pending
            ],
            "metrics": [self._online.to_dict(), self._batch.to_dict()],
        }

    @classmethod
    def from_dict(cls, saved: dict[str, Any], names: Sequence[str]) -> "OnlineChurn":
        """Give the model as it was when `to_dict` was called.

        Raises:
            ModelError: saved in another format, or for other signals than `names`.
        """
        if saved.get("format") != FORMAT or saved.get("names") != list(names):
            raise ModelError(
                f"online model: expected format {FORMAT} with the signals of this catalog, found format "
                f"{saved.get('format')!r} with {len(saved.get('names', ()))} signals; "
                "delete the saved state to begin anew"
            )
        made = cls(names, **saved["settings"])
        made.dropped = saved["dropped"]
        for kept, values in zip(
            (made._scaler.counts, made._scaler.means, made._scaler.vars), saved["scaler"], strict=True
        ):
            kept.update(values)
        weights, made._model.intercept, made._model.optimizer.n_iterations = saved["model"]
        made._model._weights.update(weights)
        for entry in saved["pending"]:
            made._append(Pending(**entry | {"packed": b64decode(entry["packed"])}))
        made._online, made._batch = (Progressive.from_dict(each) for each in saved["metrics"])
        return made

    def _inputs(self, vector: Sequence[float], batch_probability: float) -> dict[str, float]:
        """Give the scaled values that are there (a missing one counts as the mean) and the batch log-odds."""
        scaled = self._scaler.transform_one(self._present(vector))
        inputs = {name: min(max(value, -FURTHEST), FURTHEST) for name, value in scaled.items()}
        inputs[BATCH] = _log_odds(batch_probability)
        return inputs

    def _present(self, vector: Sequence[float]) -> dict[str, float]:
        if len(vector) != len(self.names):
            raise ModelError(
                f"online model: expected {len(self.names)} values in a vector, found {len(vector)}"
            )
        return {name: value for name, value in zip(self.names, vector, strict=True) if math.isfinite(value)}

    def _learn(self, entry: Pending) -> None:
        churned = not entry.ordered
        self._online.update(churned, entry.online)
        self._batch.update(churned, entry.batch)
        vector = np.frombuffer(entry.packed, dtype="<f4").tolist()
        self._scaler.learn_one(self._present(vector))
        self._model.learn_one(self._inputs(vector, entry.batch), churned)

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


def _log_odds(probability: float) -> float:
    within = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(within / (1 - within))
