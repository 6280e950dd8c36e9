"""A decision: the answer to "what next for this customer?", and the receipt that explains it."""

import struct
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import msgspec

from ebbtide.domain.action import NOTHING, Candidate, RankedAction
from ebbtide.domain.contact import History, Reach
from ebbtide.domain.customer import Stage


class Reason(msgspec.Struct, frozen=True, rename="camel"):
    """Why a probability is what it is: a signal, its value, its contribution (log-odds) and a sentence.

    Where somebody can act on it, `remedy` says how, and `change` by how much that changes the probability.
    """

    signal: str
    value: float | None
    contribution: float
    text: str
    remedy: str | None = None
    change: float | None = None


class Churn(msgspec.Struct, frozen=True, rename="camel"):
    """The probability of leaving, by horizon in days, with the reasons for that of the main one, `horizon`.

    `median_days` is when half of such customers will have ordered (or cancelled, where that is what counts);
    None if that lies beyond the last horizon.
    """

    probability: dict[str, float]
    horizon: int
    median_days: float | None
    reasons: tuple[Reason, ...] = ()

    @property
    def main(self) -> float:
        """The probability at the main horizon."""
        return self.probability[str(self.horizon)]


class Trigger(msgspec.Struct, frozen=True, rename="camel"):
    """A moment to speak, and why it is one."""

    id: str
    reason: str


class Recommendation(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A product to show, its score (higher is better), the reason in words, its page and picture if known."""

    product_id: str
    name: str
    score: float
    reason: str
    url: str | None = None
    image: str | None = None


class Versions(msgspec.Struct, frozen=True, rename="camel"):
    """What a decision was made with; `model` (of churn) and `responses` are None where there was none."""

    catalog: str
    model: str | None
    actions: str
    responses: str | None = None


class Decision(msgspec.Struct, frozen=True, rename="camel"):
    """The whole answer. Times are ISO 8601 in UTC; `degraded` names what was missing."""

    decision_id: str
    customer_id: str
    known: bool
    stage: Stage
    as_of: str
    expires_at: str
    churn: Churn | None
    triggers: tuple[Trigger, ...]
    actions: tuple[RankedAction, ...]
    recommendations: tuple[Recommendation, ...]
    versions: Versions
    degraded: tuple[str, ...] = ()


class Signals(Mapping[str, float]):
    """Values under names, packed; those that are missing are left out.

    A decision makes one of what it has at hand, in a fiftieth of the time that a dictionary takes.

    >>> dict(Signals(("a", "b"), struct.pack("<2d", 1.5, float("nan"))))
    {'a': 1.5}
    """

    def __init__(self, names: tuple[str, ...], packed: bytes) -> None:
        """Take names, and as many values of 64 bits in their order (little endian), NaN where missing."""
        self.names, self.packed = names, packed

    @cached_property
    def _known(self) -> dict[str, float]:
        values = struct.unpack(f"<{len(self.names)}d", self.packed)
        return {name: value for name, value in zip(self.names, values, strict=True) if value == value}

    def __getitem__(self, name: str) -> float:
        """The value of a name."""
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        """The names of what is known."""
        return iter(self._known)

    def __len__(self) -> int:
        """How much is known."""
        return len(self._known)

    def __repr__(self) -> str:
        return repr(self._known)


class Receipt(msgspec.Struct, frozen=True, rename="camel"):
    """What the decision log keeps: the question, what was known, how each action stood, and the answer.

    Attributes:
        decision: the answer.
        decision_point: where it was asked for.
        context: what the caller said of the moment.
        signals: as seen, by name; those that are missing are left out.
        age_seconds: since the customer's last event; None for a customer of whom nothing is known.
        person: the customer by the id that counts, where the one asked for turned out to be another.
        at: the moment of the decision in Unix seconds, exactly.
        previous_stage: the stage in which the customer was last seen, if that was known.
        reach: what the customer said of being spoken to.
        history: the contacts that the customer had had.
        candidates: all actions, those excluded with the rule.
        chosen: the candidate that was taken.
        holdout: whether the customer is one of those who get no action, as a yardstick.
    """

    decision: Decision
    decision_point: str
    context: dict[str, Any]
    signals: Mapping[str, float]
    age_seconds: float | None = None
    person: str = ""
    at: float = 0.0
    previous_stage: str = ""
    reach: Reach = Reach()
    history: History = History()
    candidates: tuple[Candidate, ...] = ()
    chosen: str = NOTHING.id
    holdout: bool = False

    @property
    def customer(self) -> str:
        """The customer by the id that counts."""
        return self.person or self.decision.customer_id
