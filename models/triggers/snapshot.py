"""What the rules see of a customer at a moment: each thing computed once, and only if a rule asks for it."""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from ebbtide.domain.event import Event, Properties
from ebbtide.domain.trigger import DAY
from features import lifecycle, profile
from features.glance import Glance
from features.profile import State
from models.churn.risk import look
from models.churn.scorer import ChurnScorer
from models.expressions import Facts
from models.triggers.trigger_reasons import OF_EVENT, Seen, filled
from models.triggers.triggers import Rule


class Foretold(NamedTuple):
    """Probability of churn at the main horizon, and the odds over the base's; NaN where nobody can tell."""

    probability: float
    against_base: float = math.nan


Churn = Callable[[State, float], Foretold]
"""What the model says of a customer at a moment."""
UNKNOWN = Foretold(math.nan)
_VIEWS = {"views_7d": 7 * DAY, "views_30d": 30 * DAY}


class Snapshot:
    """A customer's state at `now` (Unix seconds, UTC), which must not change while it is looked at.

    Args:
        state: of the customer.
        now: not before the state's newest event.
        previous: the stage last seen, empty if none was.
        event: what happened just now, if anything did; the state knows it already.
        churn: asked for the probability of churn if a rule is.
        reads: the variables that the rules need which are judged on it.
    """

    def __init__(
        self,
        state: State,
        now: float,
        previous: str,
        event: Event | None,
        churn: Churn,
        reads: frozenset[str],
    ) -> None:
        self.now = now
        self.values = Glance(state, now)
        self._state, self._previous, self._event, self._ask = state, previous, event, churn
        self._reads = reads
        self._entered: Mapping[str, Any] = {}

    @cached_property
    def stage(self) -> str:
        """The stage, with the hysteresis that the one before asks for."""
        return str(lifecycle.stage(self.values, self._previous, lambda: self.foretold.against_base))

    @cached_property
    def foretold(self) -> Foretold:
        """What the model says; it is asked once."""
        return self._ask(self._state, self.now)

    @property
    def churn(self) -> float | None:
        """The probability of churn; None where there is none."""
        found = self.foretold.probability
        return None if math.isnan(found) else found

    @cached_property
    def event(self) -> Mapping[str, Any]:
        """What is known of the event, by the names that a condition uses."""
        if self._event is None:
            return self._entered
        return _Told(self._event.properties, self._state, self.now)

    @cached_property
    def products(self) -> tuple[str, ...]:
        """The product of the event, else those of its order, else those in the cart."""
        if self._event is not None:
            properties = self._event.properties
            return (properties.id,) if properties.id is not None else properties.product_ids
        return tuple(profile.in_cart(self._state))

    @cached_property
    def facts(self) -> Facts:
        """What the conditions of the rules are judged on."""
        return Facts(
            self.values,
            stage=self.stage if "stage" in self._reads else "",
            churn=self.churn if "churn" in self._reads else None,
            event=self.event if "event" in self._reads else None,
        )

    def told(self, rule: Rule) -> str:
        """The rule's reason in words."""
        churn = self.churn if "churn" in rule.reads else None
        viewed = profile.most_viewed(self._state, self.now) if "{viewed}" in rule.reason else None
        return filled(rule.reason, Seen(self.values, self.stage, churn, self.event, self.products, viewed))

    def of_stage_entered(self, left: str, reads: frozenset[str]) -> "Snapshot":
        """The same snapshot, when the event is that the customer entered this stage and left another."""
        found = Snapshot(self._state, self.now, self._previous, None, lambda *_: self.foretold, reads)
        found.values, found.stage = self.values, self.stage
        found._entered = {"stage": self.stage} | ({"previous": left} if left else {})
        return found


class _Told(Mapping[str, Any]):
    """An event's properties that are given, and what is known of its product, looked up when asked for."""

    def __init__(self, properties: Properties, state: State, now: float) -> None:
        self._properties, self._state, self._now = properties, state, now
        self._found: dict[str, Any] = {}

    def get(self, name: str, default: Any = None) -> Any:
        if name not in self._found:
            self._found[name] = self._looked_up(name)
        found = self._found[name]
        return default if found is None else found

    def _looked_up(self, name: str) -> Any:
        properties = self._properties
        product = properties.id
        if name == "in_cart":
            return None if product is None else product in profile.in_cart(self._state)
        if name in _VIEWS:
            since = self._now - _VIEWS[name]
            return None if product is None else float(profile.views(self._state, product, since))
        return getattr(properties, name, None) if name in OF_EVENT else None

    def __getitem__(self, name: str) -> Any:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __bool__(self) -> bool:
        return True  # there is an event; counting what is known of it would look everything up

    def __iter__(self) -> Iterator[str]:
        return (name for name in sorted(OF_EVENT) if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def unknown_churn(state: State, now: float) -> Foretold:  # noqa: ARG001
    """Where there is no model."""
    return UNKNOWN


def churn_by(champion: Callable[[], ChurnScorer | None]) -> Churn:
    """What the champion in force says of those whom it can judge and who have not gone for good."""

    def churn(state: State, now: float) -> Foretold:
        scorer = champion()
        seen = None if scorer is None else look(scorer.curve, state, now)
        return UNKNOWN if seen is None else Foretold(seen.probability, seen.against_base)

    return churn
