"""The champion as the API and the stream score with it: loaded from Redis, exchanged while running."""

import math
from collections.abc import Sequence

import numpy as np
import redis
from numpy.typing import NDArray

from ebbtide.domain.decision import Churn
from ebbtide.errors import ModelError
from features import catalog
from models.churn.artefact import Artefact, decode
from models.churn.curve import ChurnCurve
from models.registry.published import KEY, RETRAIN, Watcher, read

_TOLERANCE = 1e-9


class ChurnScorer:
    """A churn model that was read, matched with the catalog and tried on its example.

    Args:
        version: the version in Redis.
        artefact: the model.

    Raises:
        ModelError: damaged, for other signals than the catalog's, or scoring otherwise than in training.
    """

    def __init__(self, version: str, artefact: Artefact) -> None:
        self.version = version
        self.artefact = artefact
        self.horizon = artefact.main
        """Days: the main horizon."""
        self.active = artefact.active
        """Days: those who ordered within them are whom the model was trained on."""
        self.days = artefact.days
        """Every horizon, ascending."""
        _check_signals(version, artefact)
        self.curve = ChurnCurve(artefact)
        self._main = _place_of_main(version, artefact)
        self._keys = tuple(map(str, self.days))
        _check_example(version, artefact, self.curve)

    def predict_one(self, vector: Sequence[float]) -> float:
        """Give the probability of churn within `horizon` days for one vector of signals."""
        return self.curve.predict_one(vector)[self._main]

    def predict_many(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the probability at the main horizon, shape (n,), for a matrix of shape (n, signals)."""
        found: NDArray[np.float64] = self.curve.predict_many(matrix)[:, self._main]
        return found

    def score(self, vector: Sequence[float]) -> dict[str, float]:
        """Give the probability of churn by horizon in days, as text."""
        return dict(zip(self._keys, self.curve.predict_one(vector), strict=True))

    def churns(self, matrix: NDArray[np.float64]) -> list[Churn]:
        """Give the whole curve of each row of a matrix as decisions state it, without reasons."""
        return [
            Churn(dict(zip(self._keys, found, strict=True)), self.horizon, self.curve.median_days(found))
            for found in self.curve.predict_few(matrix)
        ]

    def contributions(self, vector: Sequence[float]) -> NDArray[np.float64]:
        """Give what each signal adds to the main horizon's log-odds; see `ChurnCurve.contributions`."""
        return self.curve.contributions(vector, self.horizon)


def _check_signals(version: str, artefact: Artefact) -> None:
    if (artefact.catalog, artefact.names) != (catalog.VERSION, catalog.NAMES):
        raise ModelError(
            f"churn model {version}: expected one for catalog {catalog.VERSION} with {len(catalog.NAMES)} "
            f"signals, found one for {artefact.catalog} with {len(artefact.names)}; {RETRAIN}"
        )


def _place_of_main(version: str, artefact: Artefact) -> int:
    if artefact.main not in artefact.days:
        raise ModelError(
            f"churn model {version}: expected its main horizon, {artefact.main} days, among those it has, "
            f"found {', '.join(map(str, artefact.days)) or 'none'}; {RETRAIN}"
        )
    return artefact.days.index(artefact.main)


def _check_example(version: str, artefact: Artefact, curve: ChurnCurve) -> None:
    """See that the model scores its example as it did in training."""
    found = curve.predict_one([math.nan if value is None else value for value in artefact.example])
    same = len(found) == len(artefact.expected) and np.allclose(
        found, artefact.expected, rtol=0.0, atol=_TOLERANCE
    )
    if not same:
        raise ModelError(
            f"churn model {version}: expected {list(artefact.expected)} for its example, found {found}; "
            f"install the locked requirements, or {RETRAIN}"
        )


def load(client: redis.Redis) -> ChurnScorer | None:
    """Read the champion from Redis; None if none was published.

    Raises:
        ModelError: it cannot be used, and why.
        StoreError: Redis does not answer.
    """
    found = read(client, KEY)
    return None if found is None else ChurnScorer(found.version, decode(found.raw))


class ModelWatcher(Watcher[ChurnScorer]):
    """Keeps the newest usable champion at hand; `interval` in seconds."""

    def __init__(self, client: redis.Redis, interval: float = 1.0) -> None:
        super().__init__(client, KEY, load, interval)
