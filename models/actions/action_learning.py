"""Learns online what customers do about each action: River's logistic regressions, a row at a time.

A row is a decision whose outcome is due: the signals as they were, the action taken, and whether a response
came within the action's window. What is learned is given out as the document of `models.actions.responses`.
"""

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from river import linear_model

from ebbtide.domain.action import Action
from models import documents
from models.actions.online_newton import SHARED, Key, OnlineNewton
from models.actions.responses import (
    CONVERSION,
    Line,
    Money,
    ResponseModel,
    Taught,
    breadth,
    kind_of,
    stated,
)
from models.churn.artefact import Scale
from models.churn.inputs import Inputs, signed_log

Array = NDArray[np.float64]

FORMAT = 1
SHARED_LEVEL, OWN_LEVEL = 4.0, 1.0
STATED_SPREAD = 0.1
SIGNAL_SPREAD = 2.0
"""Variances that are expected of weights: of the levels (entries may be far off together, less so one from
another), of that of the entry's log-odds around 1, and of those of the signals (over inputs multiplied by
`responses.breadth`)."""


class Outcome(NamedTuple):
    """What came of a decision: the signals as they were (NaN missing), and the money of a conversion."""

    action: Action
    vector: Array
    responded: bool
    money: float = 0.0


class ResponseLearner:
    """Learns outcomes in the order in which they come due.

    Args:
        catalog: version of the catalog whose signals are learned from.
        names: the signals, in the order of the vectors.
    """

    def __init__(self, catalog: str, names: tuple[str, ...]) -> None:
        self.catalog, self.names = catalog, names
        self._moments = _Moments(len(names))
        self._kinds: dict[str, _Regression] = {}
        self._money: dict[str, Money] = {}

    @property
    def rows(self) -> int:
        """Outcomes learned so far."""
        return sum(sum(kind.rows.values()) for kind in self._kinds.values())

    def learn(self, outcome: Outcome) -> None:
        """Learn one outcome."""
        action, kind = outcome.action, kind_of(outcome.action)
        self._moments.see(outcome.vector)
        values, _ = Inputs(self._moments.scale())(outcome.vector)
        values *= breadth(len(self.names))
        if kind not in self._kinds:
            self._kinds[kind] = _Regression(len(self.names))
        self._kinds[kind].learn(action, values, outcome.responded)
        if kind == CONVERSION and outcome.responded:
            before = self._money.get(action.id, Money())
            self._money[action.id] = Money(before.conversions + 1, before.total + outcome.money)

    def document(self) -> ResponseModel:
        """What has been learned, as it is published."""
        kinds = {name: kind.taught() for name, kind in self._kinds.items()}
        return ResponseModel(self.catalog, self.names, self._moments.scale(), kinds, dict(self._money))

    def to_bytes(self) -> bytes:
        """The whole state as JSON, to go on from later; numbers in arrays as base64."""
        return msgspec.json.encode(
            _Saved(
                FORMAT,
                self.catalog,
                self.names,
                self._moments.to_arrays(),
                {name: kind.saved() for name, kind in self._kinds.items()},
                self._money,
            )
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> "ResponseLearner":
        """The learner as it was when `to_bytes` was called.

        Raises:
            ModelError: saved in another format.
        """
        saved = documents.read(raw, _Saved, FORMAT, "action model: expected a saved state")
        made = cls(saved.catalog, saved.names)
        made._moments = _Moments.of(saved.moments)
        made._kinds = {name: _Regression.of(kind, len(saved.names)) for name, kind in saved.kinds.items()}
        made._money = saved.money
        return made


class _SavedRegression(msgspec.Struct, frozen=True):
    """Weights and covariance of each block, as the bytes of arrays of float64, and rows by action."""

    weights: dict[str, bytes]
    covariance: dict[str, bytes]
    rows: dict[str, int]


class _Saved(msgspec.Struct, frozen=True):
    format: int
    catalog: str
    names: tuple[str, ...]
    moments: bytes
    kinds: dict[str, _SavedRegression]
    money: dict[str, Money]


class _Regression:
    """One kind of outcome. Places: level, signals; in the shared block, last, the entry's log-odds."""

    def __init__(self, signals: int) -> None:
        spread = np.full(signals, SIGNAL_SPREAD)
        self._newton = OnlineNewton(
            np.concatenate([[SHARED_LEVEL], spread, [STATED_SPREAD]]), np.append(OWN_LEVEL, spread)
        )
        self._model = linear_model.LogisticRegression(self._newton, intercept_lr=0.0)
        self._model._weights.update({(SHARED, signals + 1): 1.0})  # River has no public way to set weights.
        self.rows: dict[str, int] = {}

    def learn(self, action: Action, values: Array, responded: bool) -> None:
        own = [1.0, *values.tolist()]
        row: dict[Key, float] = {(SHARED, place): value for place, value in enumerate([*own, stated(action)])}
        row |= {(action.id, place): value for place, value in enumerate(own)}
        self._model.learn_one(row, responded)
        self.rows[action.id] = self.rows.get(action.id, 0) + 1

    def taught(self) -> Taught:
        level, *shared, stated_weight = self._weights(SHARED)
        line = Line(sum(self.rows.values()), level, tuple(shared))
        return Taught(line, stated_weight, {action: self._own(action) for action in self.rows})

    def saved(self) -> _SavedRegression:
        blocks = self._newton.covariance
        return _SavedRegression(
            {block: np.array(self._weights(block)).tobytes() for block in blocks},
            {block: covariance.tobytes() for block, covariance in blocks.items()},
            self.rows,
        )

    @classmethod
    def of(cls, saved: _SavedRegression, signals: int) -> "_Regression":
        made = cls(signals)
        made.rows = dict(saved.rows)
        for block, raw in saved.weights.items():
            weights = np.frombuffer(raw)
            made._model._weights.update(
                {(block, place): value for place, value in enumerate(weights.tolist())}
            )
            covariance = np.frombuffer(saved.covariance[block]).copy()
            made._newton.covariance[block] = covariance.reshape(len(weights), len(weights))
        return made

    def _own(self, action: str) -> Line:
        level, *weights = self._weights(action)
        return Line(self.rows[action], level, tuple(weights))

    def _weights(self, block: str) -> list[float]:
        return [
            float(self._model._weights[(block, place)])
            for place in range(len(self._newton.covariance[block]))
        ]


class _Moments:
    """Running centre and width of each signal, transformed by `models.churn.inputs` (Welford 1962)."""

    def __init__(self, signals: int) -> None:
        self._count, self._mean, self._squares = np.zeros((3, signals))

    def see(self, vector: Array) -> None:
        found = signed_log(vector)
        known = ~np.isnan(found)
        self._count[known] += 1.0
        step = found[known] - self._mean[known]
        self._mean[known] += step / self._count[known]
        self._squares[known] += step * (found[known] - self._mean[known])

    def scale(self) -> Scale:
        spread = np.sqrt(self._squares / np.maximum(self._count, 1.0))
        per_width = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-9)
        return Scale(tuple(self._mean.tolist()), tuple(per_width.tolist()))

    def to_arrays(self) -> bytes:
        return np.stack([self._count, self._mean, self._squares]).tobytes()

    @classmethod
    def of(cls, raw: bytes) -> "_Moments":
        made = cls(0)
        made._count, made._mean, made._squares = np.frombuffer(raw).copy().reshape(3, -1)
        return made
