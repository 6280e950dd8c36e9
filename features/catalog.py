"""The signals in their order, with a version: the only list of feature names anywhere."""

import hashlib
from collections.abc import Mapping
from typing import Any, Protocol

from msgspec.inspect import StructType, type_info

from ebbtide.domain.event import Event
from features.signals import (
    basket,
    calendar,
    consent,
    context,
    decayed,
    engagement,
    feedback,
    frequency,
    funnel,
    interest,
    recency,
    refunds,
    repertoire,
    rhythm,
    session,
    spend,
    subscription,
    tenure,
)

EDITION = 5
"""Raise it when a formula changes while names and states stay as they are."""


class Signal(Protocol):
    """What each module of `features.signals` offers."""

    @property
    def EVENTS(self) -> frozenset[str] | None:  # noqa: N802 (a module's constant)
        """The event names that it listens to; None: whatever the customer does (all but `NOT_THEIRS`)."""

    @property
    def VALUES(self) -> Mapping[str, str]:  # noqa: N802
        """Its values: unit and meaning by name."""

    @property
    def State(self) -> type[Any]:  # noqa: N802
        """What it keeps per customer."""

    def update(self, state: Any, event: Event, /) -> None:
        """Change the state in place."""

    def value(self, state: Any, now: float, /) -> tuple[float, ...]:
        """Give the values at a moment."""

    def merge(self, state: Any, other: Any, /) -> None:
        """Take up the other state's history."""


SIGNALS: dict[str, Signal] = {
    "recency": recency,
    "frequency": frequency,
    "spend": spend,
    "refunds": refunds,
    "rhythm": rhythm,
    "decayed": decayed,
    "session": session,
    "funnel": funnel,
    "interest": interest,
    "basket": basket,
    "repertoire": repertoire,
    "engagement": engagement,
    "feedback": feedback,
    "tenure": tenure,
    "calendar": calendar,
    "context": context,
    "subscription": subscription,
    "consent": consent,
}

DESCRIPTIONS: dict[str, str] = {
    name: text for signal in SIGNALS.values() for name, text in signal.VALUES.items()
}
NAMES: tuple[str, ...] = tuple(DESCRIPTIONS)


def _version() -> str:
    """The edition and a digest of all names and states: whatever changes either changes the version."""
    shape = [
        (name, tuple(signal.VALUES), _shape(type_info(signal.State))) for name, signal in SIGNALS.items()
    ]
    return f"{EDITION}-{hashlib.sha256(repr(shape).encode()).hexdigest()[:8]}"


def _shape(info: Any) -> Any:
    """The fields and types of a state, structs within it included, in plain values."""
    if isinstance(info, StructType):
        return [(field.name, _shape(field.type)) for field in info.fields]
    inner = [getattr(info, part) for part in ("item_type", "key_type", "value_type") if hasattr(info, part)]
    inner += [*getattr(info, "types", ()), *getattr(info, "item_types", ())]  # of a union, of a tuple
    return (type(info).__name__, [_shape(each) for each in inner])


VERSION: str = _version()
