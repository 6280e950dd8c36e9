"""The champion as the API and the stream score with it: loaded from Redis, exchanged while running."""

import hashlib
import math
from typing import Any

import msgspec
import numpy as np
import redis
from numpy.typing import NDArray

from ebbtide.errors import ModelError, StoreError
from features import catalog
from models.booster import FastBooster, Vector
from models.published import KEY, Metadata

_TOLERANCE = 1e-9
_RETRAIN = "run `ebbtide train`"


class ChurnScorer:
    """A churn model that was read, matched with the catalog and tried on its example.

    Args:
        version: the version in Redis.
        text: the model in LightGBM's text format.
        meta: what was published with it.

    Raises:
        ModelError: damaged, for other signals than the catalog's, or scoring otherwise than in training.
    """

    def __init__(self, version: str, text: str, meta: Metadata) -> None:
        self.version = version
        self.horizon = meta.horizon
        """Days."""
        self.active = meta.active
        """Days: those who ordered within them are whom the model was trained on."""
        self._key = str(meta.horizon)
        _check_signals(version, meta)
        if hashlib.sha256(text.encode()).hexdigest() != meta.digest:
            raise ModelError(
                f"churn model {version}: expected the text as published, found another; {_RETRAIN}"
            )
        self._booster = FastBooster(text)
        example = [math.nan if value is None else value for value in meta.example]
        found = self._booster.predict_one(example)
        if not math.isclose(found, meta.expected, abs_tol=_TOLERANCE):
            raise ModelError(
                f"churn model {version}: expected {meta.expected} for its example, found {found}; "
                f"install the locked requirements, or {_RETRAIN}"
            )

    def predict_one(self, vector: Vector) -> float:
        """Give the probability of churn within `horizon` days for one vector of signals."""
        return self._booster.predict_one(vector)

    def predict_many(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the probability for each row of a matrix of shape (n, signals)."""
        return self._booster.predict_many(matrix)

    def score(self, vector: Vector) -> dict[str, float]:
        """Give the probability of churn by horizon in days, as a decision states it."""
        return {self._key: self._booster.predict_one(vector)}

    def contributions(self, vector: Vector) -> NDArray[np.float64]:
        """Give the log-odds that each signal adds, shape (signals + 1,), the base last. Takes about 1 ms."""
        return self._booster.contributions(vector)


def _check_signals(version: str, meta: Metadata) -> None:
    if (meta.catalog, meta.names) != (catalog.VERSION, catalog.NAMES):
        raise ModelError(
            f"churn model {version}: expected one for catalog {catalog.VERSION} with {len(catalog.NAMES)} "
            f"signals, found one for {meta.catalog} with {len(meta.names)}; {_RETRAIN}"
        )


def load(client: redis.Redis) -> ChurnScorer | None:
    """Read the champion from Redis; None if none was published.

    Raises:
        ModelError: it cannot be used, and why.
        StoreError: Redis does not answer.
    """
    try:
        fields: Any = client.hmget(KEY, ["version", "model", "meta"])
    except redis.RedisError as error:
        raise StoreError(f"Redis, {KEY}: expected the champion, found {error}; is Redis running?") from error
    version, text, meta = fields
    if version is None:
        return None
    try:
        return ChurnScorer(version.decode(), text.decode(), msgspec.json.decode(meta, type=Metadata))
    except (AttributeError, TypeError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise ModelError(f"Redis, {KEY}: expected a published model, found {error}; {_RETRAIN}") from error


class ModelWatcher:
    """Keeps the newest usable champion at hand. A new one that cannot be used leaves the old one in place.

    Args:
        client: of the Redis where champions are published.
        interval: seconds between two looks.
    """

    def __init__(self, client: redis.Redis, interval: float = 1.0) -> None:
        self._client, self._interval = client, interval
        self._looked = -math.inf
        self._seen: bytes | None = None
        self.current: ChurnScorer | None = None
        """The champion; None if there is none."""
        self.fault: str | None = None
        """Why the newest champion is not in use; None if it is."""

    def refresh(self, now: float) -> ChurnScorer | None:
        """Look for a new champion, if the last look is `interval` ago; give the one to use. `now` in seconds.

        Costs one small read per interval, and a load per new version.

        Raises:
            StoreError: Redis does not answer.
        """
        if now - self._looked < self._interval:
            return self.current
        try:
            version: Any = self._client.hget(KEY, "version")
        except redis.RedisError as error:
            raise StoreError(
                f"Redis, {KEY}: expected the version, found {error}; is Redis running?"
            ) from error
        self._looked = now
        if version != self._seen:
            self._exchange(version)
        return self.current

    def _exchange(self, version: bytes | None) -> None:
        try:
            self.current, self.fault = load(self._client), None
        except ModelError as error:
            self.fault = str(error)
        self._seen = version
