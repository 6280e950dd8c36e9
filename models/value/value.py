"""What a customer is worth: the money expected of them over the next 12 months, from the signals.

Money is what was spent less what was refunded. Two models learn from that of customers after past cut-
offs: gradient-boosted trees (LightGBM, Tweedie deviance, since many spend nothing and some a lot) and a
plain one of recency, frequency, money and tenure. The one that is nearer on a later cut-off is used. Both
tell the money of somebody who takes nothing back; each customer's own share is taken off (`kept`). Where
the log is too short to see 12 months ahead, they learn a shorter stretch, scaled to the year: that takes
the present pace for the year's, and is too high where many leave. Without a model it is the mean order
times the yearly rate of orders.

Source: Jorgensen 1987, "Exponential dispersion models".
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import redis
from numpy.typing import NDArray

from ebbtide.errors import ModelError
from features import catalog
from models.booster import FastBooster
from models.registry import published
from models.registry.published import RETRAIN, Watcher

Array = NDArray[np.float64]

KEY = "ebbtide:model:value"
YEAR_DAYS = 365
RFM = ("recency_days", "orders_365d", "spend_365d", "tenure_days")
REFUNDS = ("orders_total", "refund_share")
KEPT_ORDERS = 0.3
"""Orders kept whole that are supposed of a customer beforehand: few, for who took all back does so again."""
PRIOR_ORDERS, PRIOR_YEARS = 1.0, 0.25
"""What is supposed of a customer beforehand, without a model: one order in a quarter of a year."""
_REFUNDS = [catalog.NAMES.index(name) for name in REFUNDS]
MOST_LOG = 30.0
"""The largest logarithm of money that is believed."""


class Value(msgspec.Struct, frozen=True):
    """A model of value as plain values. It tells the money of `days` days; `trees` is empty if it is plain.

    The plain model: log of money = bias + weights * log(1 + `RFM`), missing values as 0. `deviance` is the
    mean Tweedie deviance (power 1.5) of both on the later cut-off, by name.
    """

    catalog: str
    names: tuple[str, ...]
    days: int
    trees: str
    weights: tuple[float, ...]
    bias: float
    deviance: dict[str, float] = {}


class Valuer:
    """Money expected over 12 months. Not to be shared by threads.

    Args:
        model: None for the mean order times the yearly rate of orders.
        version: that of the model in Redis, None without one.

    Raises:
        ModelError: the model is for other signals than the catalog's, or its trees cannot be read.
    """

    def __init__(self, model: Value | None = None, version: str | None = None) -> None:
        self.model, self.version = model, version
        self._at = [catalog.NAMES.index(name) for name in RFM]
        self._mean = catalog.NAMES.index("order_value_mean")
        self._row = np.empty(len(catalog.NAMES))
        self._trees: FastBooster | None = None
        if model is None:
            return
        if (model.catalog, model.names) != (catalog.VERSION, catalog.NAMES):
            raise ModelError(
                f"value model: expected one for catalog {catalog.VERSION} with {len(catalog.NAMES)} signals, "
                f"found one for {model.catalog} with {len(model.names)}; {RETRAIN}"
            )
        if model.trees:
            self._trees = FastBooster(model.trees, self._row)

    def predict_one(self, vector: Sequence[float]) -> float:
        """The money expected of one customer, at least 0; `vector` in the order of the catalog."""
        if self._trees is None or self.model is None:
            return float(self.predict_many(np.array([vector]))[0])
        self._row[:] = vector
        money = math.exp(min(self._trees.score_row(), MOST_LOG)) * YEAR_DAYS / self.model.days
        return money * float(kept(self._row[np.newaxis])[0])

    def predict_many(self, matrix: Array) -> Array:
        """The same for a matrix of shape (n, signals); shape (n,)."""
        if self.model is None:
            return self._by_rate(matrix)
        if self._trees is not None:
            logs = self._trees.score_many(matrix)
        else:
            logs = self.model.bias + rfm(matrix[:, self._at]) @ np.array(self.model.weights)
        found: Array = np.exp(np.minimum(logs, MOST_LOG)) * YEAR_DAYS / self.model.days * kept(matrix)
        return found

    def _by_rate(self, matrix: Array) -> Array:
        _, orders, _, tenure = np.nan_to_num(matrix[:, self._at]).T
        years = np.clip(tenure, 0.0, YEAR_DAYS) / YEAR_DAYS
        mean = np.maximum(np.nan_to_num(matrix[:, self._mean]), 0.0)
        found: Array = mean * (orders + PRIOR_ORDERS) / (years + PRIOR_YEARS) * kept(matrix)
        return found


def kept(matrix: Array) -> Array:
    """The share of their money that customers leave, going by what they took back so far; shape (n,).

    Trees hardly see it: of thousands of customers a dozen took all back.
    """
    orders, refunded = np.nan_to_num(matrix[:, _REFUNDS]).T
    found: Array = (orders * (1.0 - np.clip(refunded, 0.0, 1.0)) + KEPT_ORDERS) / (orders + KEPT_ORDERS)
    return found


def rfm(columns: Array) -> Array:
    """The plain model's inputs from the columns `RFM`: logarithms, missing values as 0."""
    found: Array = np.log1p(np.maximum(np.nan_to_num(columns), 0.0))
    return found


def encode(model: Value) -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(model)


def publish(model: Value, client: redis.Redis, name: str) -> str:
    """Put a model in force for the watch and the sweep; returns its version, which begins with `name`.

    Raises:
        StoreError: Redis cannot be written.
    """
    return published.publish(client, KEY, encode(model), name)


def load(client: redis.Redis) -> Valuer:
    """The valuer in force; one without a model if none was published.

    Raises:
        ModelError: the model is damaged, or for another catalog.
        StoreError: Redis does not answer.
    """
    found = published.read(client, KEY)
    if found is None:
        return Valuer()
    try:
        return Valuer(msgspec.json.decode(found.raw, type=Value), found.version)
    except msgspec.MsgspecError as error:
        raise ModelError(f"Redis, {KEY}: expected a model of value, found {error}; {RETRAIN}") from error


class ValueWatcher(Watcher[Valuer]):
    """Values customers by the newest usable model; `interval` in seconds."""

    def __init__(self, client: redis.Redis, interval: float = 1.0) -> None:
        super().__init__(client, KEY, load, interval)
        self._plain = Valuer()

    def __call__(self, vector: Sequence[float], now: float) -> float:
        """The money expected of one customer over 12 months, as of `now` (Unix seconds, UTC).

        Raises:
            StoreError: Redis does not answer.
        """
        return (self.refresh(now) or self._plain).predict_one(vector)
