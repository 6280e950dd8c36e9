"""What customers do about an action: the learned probability of a response, as the API scores with it.

For each kind of outcome there is one logistic model: a part that all actions share, and each action's own
departure from it. Its first input is the log-odds of the response that the action's entry states, with
weight 1 at the start. So an untaught model says what the entries say, and a new action starts at its entry,
put right by what all actions have in common.

An order may come without any message, so for conversions and money the probability is that over doing
nothing, as far as it is known what comes of doing nothing. It may be negative: some are driven away.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from ebbtide.domain.action import NOTHING, Action
from ebbtide.errors import ModelError
from features import catalog
from models import documents
from models.churn.artefact import Scale, digest
from models.churn.inputs import Inputs

Array = NDArray[np.float64]

FORMAT = 1
CLICK, CONVERSION = "click", "conversion"
"""The kinds of outcome that are modelled; `value` is a conversion times the money that one brings."""
LEAST = 0.001
"""The response taken for an entry that states less, so that its log-odds are finite."""
UNASKED = 0.1
"""The share of customers taken to order unasked within a week, before the log has told."""
MONEY_ROWS = 20.0
"""Conversions that the `value` of an entry counts as, in the mean money of one."""


class Line(msgspec.Struct, frozen=True):
    """Weights of a line over the scaled signals, a level, and the rows that it was learned from."""

    rows: int
    bias: float
    weights: tuple[float, ...]


class Taught(msgspec.Struct, frozen=True):
    """What all actions share for a kind of outcome, and their own parts.

    `stated` weighs the log-odds of the response that an action's entry states.
    """

    shared: Line
    stated: float
    own: dict[str, Line]


class Money(msgspec.Struct, frozen=True):
    """Conversions that an action had, and the money that they brought in all."""

    conversions: int = 0
    total: float = 0.0


class ResponseModel(msgspec.Struct, frozen=True):
    """The document. `catalog` and `names` say which signals it takes, in which order."""

    catalog: str
    names: tuple[str, ...]
    scale: Scale
    kinds: dict[str, Taught]
    money: dict[str, Money]
    format: int = FORMAT


def encode(model: ResponseModel) -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(model)


def decode(raw: bytes) -> ResponseModel:
    """Read what `encode` wrote.

    Raises:
        ModelError: it is something else, of another format, or has lines of another width than its signals.
    """
    expected = "response model: expected a document"
    found = documents.read(raw, ResponseModel, FORMAT, expected, "; publish it again")
    lines = [line for kind in found.kinds.values() for line in (kind.shared, *kind.own.values())]
    if any(len(line.weights) != len(found.names) for line in lines):
        raise ModelError(f"response model: expected a weight for each of its {len(found.names)} signals")
    return found


def check_catalog(model: ResponseModel) -> None:
    """See that a model takes the signals of this catalog.

    Raises:
        ModelError: it was learned from other signals.
    """
    if (model.catalog, model.names) != (catalog.VERSION, catalog.NAMES):
        raise ModelError(
            f"response model: expected one for catalog {catalog.VERSION} with {len(catalog.NAMES)} signals, "
            f"found one for {model.catalog} with {len(model.names)}; it is learned anew as outcomes come due"
        )


def kind_of(action: Action) -> str:
    """Which model an action's response is said by."""
    return CLICK if action.outcome == "click" and action.id != NOTHING.id else CONVERSION


def stated(action: Action) -> float:
    """The log-odds of what an entry states: of its response, over what comes unasked where that may be."""
    unasked = within(UNASKED, action) if kind_of(action) == CONVERSION else 0.0
    share = min(max(unasked + action.response, LEAST), 1.0 - LEAST)
    return math.log(share / (1.0 - share))


def within(share: float, action: Action) -> float:
    """The share who order within an action's window, from that within the window of doing nothing."""
    return float(1.0 - (1.0 - share) ** (action.window_days / NOTHING.window_days))


class Responder(Protocol):
    """What says how customers respond: a learned model, or a receipt that recorded what one said.

    `outcomes` are those that it was learned from.
    """

    outcomes: int

    def respond(self, vector: Sequence[float], actions: Sequence[Action]) -> list[float]:
        """Give the response of each action."""


class Responses:
    """Scores actions for customers.

    Args:
        model: the document.
        version: its name in receipts; unset, the first characters of its digest.
    """

    def __init__(self, model: ResponseModel, version: str | None = None) -> None:
        self.model = model
        self.version = version or digest(encode(model))[:12]
        self._inputs = Inputs(model.scale)
        self._kinds = {name: _Kind.of(taught) for name, taught in model.kinds.items()}
        self._breadth = breadth(len(model.names))
        self.outcomes = sum(taught.shared.rows for taught in model.kinds.values())
        """Outcomes that it was learned from; see `models.actions.exploration.grown`."""

    def respond(self, vector: Sequence[float], actions: Sequence[Action]) -> list[float]:
        """Give the response of each action, to be multiplied by its `value`; 0 for doing nothing.

        For clicks the probability of one. For conversions the probability of one, and for money the money
        expected in units of the entry's `value`, both over what doing nothing brings.

        Args:
            vector: signals in the order of the model's, NaN where missing.
            actions: those to score, in any order.
        """
        values, _ = self._inputs(np.asarray(vector, dtype=np.float64))
        values *= self._breadth
        said = {name: kind.score(values) for name, kind in self._kinds.items()}
        return [self._response(action, said) for action in actions]

    def _response(self, action: Action, said: "dict[str, tuple[float, Array]]") -> float:
        if action.id == NOTHING.id:
            return 0.0
        probability = self._probability(action, said)
        if action.outcome == "click":
            return probability
        without = within(self._probability(NOTHING, said), action)
        if action.outcome == "conversion":
            return probability - without
        worth = self._worth(action.id, action.value) * probability
        return (worth - self._worth(NOTHING.id, action.value) * without) / (action.value or 1.0)

    def _probability(self, action: Action, said: "dict[str, tuple[float, Array]]") -> float:
        name = kind_of(action)
        if name not in said:
            return expit(stated(action))
        shared, own = said[name]
        kind = self._kinds[name]
        place = kind.places.get(action.id)
        return expit(shared + kind.stated * stated(action) + (0.0 if place is None else float(own[place])))

    def _worth(self, action: str, value: float) -> float:
        """The mean money of a conversion, drawn towards the value that an entry states."""
        money = self.model.money.get(action, Money())
        return (MONEY_ROWS * value + money.total) / (MONEY_ROWS + money.conversions)


@dataclass(frozen=True)
class _Kind:
    """`Taught` in arrays; `places` are the rows of `own` by action."""

    shared: Array
    bias: float
    stated: float
    own: Array
    levels: Array
    places: dict[str, int]

    @classmethod
    def of(cls, taught: Taught) -> "_Kind":
        lines = list(taught.own.values())
        return cls(
            shared=np.array(taught.shared.weights),
            bias=taught.shared.bias,
            stated=taught.stated,
            own=np.array([line.weights for line in lines]).reshape(len(lines), len(taught.shared.weights)),
            levels=np.array([line.bias for line in lines]),
            places={action: place for place, action in enumerate(taught.own)},
        )

    def score(self, values: Array) -> tuple[float, Array]:
        """The log-odds that all actions share, and each known action's own part of them."""
        return float(self.bias + self.shared @ values), self.own @ values + self.levels


def breadth(signals: int) -> float:
    """What scaled signals are multiplied by, so that a row of many is about as long as a row of few.

    Else the first steps of learning from 100 signals would overshoot by their number.
    """
    return 1.0 / math.sqrt(max(signals, 1))


def expit(log_odds: float) -> float:
    """The probability of log-odds.

    >>> expit(0.0)
    0.5
    """
    return 1.0 / (1.0 + math.exp(-min(max(log_odds, -30.0), 30.0)))
