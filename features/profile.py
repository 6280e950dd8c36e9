"""The state of a customer, how an event changes it, and what it says at a moment.

This is the one place where features are computed: the stream, the API, the sweep and the training set all
call `vector(state, now)`.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from ebbtide.domain.event import Event
from ebbtide.errors import StoreError
from features.catalog import NAMES, SIGNALS, VERSION
from features.signals import repertoire as _repertoire

if TYPE_CHECKING:
    SignalStates = tuple[Any, ...]
else:
    SignalStates = tuple[tuple(signal.State for signal in SIGNALS.values())]

Offset = tuple[int, int]
"""A place in the event log (milliseconds, sequence number) or among the imports (import, line)."""


class State(msgspec.Struct, array_like=True):
    """All that is kept of one customer.

    `last_at` is the newest event's time (Unix seconds, UTC). `logged` and `imported` are the places of the
    last events applied from the event log and from imports: one at or before them was applied already, so
    redelivery changes nothing.
    """

    catalog: str
    last_at: float
    logged: Offset
    imported: Offset
    signals: SignalStates


_Update = Callable[[Any, Event], None]
_MODULES = tuple(SIGNALS.values())
_VALUES = tuple(signal.value for signal in _MODULES)
_NAMED = {name for signal in _MODULES for name in signal.EVENTS or ()}


def _route(event_name: str | None) -> tuple[tuple[int, _Update], ...]:
    """Which signals an event of that name reaches (None: a name that no signal asks for)."""
    return tuple(
        (index, signal.update)
        for index, signal in enumerate(_MODULES)
        if signal.EVENTS is None or event_name in signal.EVENTS
    )


_ROUTES = {name: _route(name) for name in _NAMED}
_OTHERS = _route(None)
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(State)
_REPERTOIRE = tuple(SIGNALS).index("repertoire")


def new_state() -> State:
    """The state of a customer of whom nothing was seen."""
    return State(VERSION, -math.inf, (0, 0), (0, 0), tuple(signal.State() for signal in _MODULES))


def update(state: State, event: Event) -> None:
    """Apply one event to the state, in place."""
    for index, apply in _ROUTES.get(event.name, _OTHERS):
        apply(state.signals[index], event)
    if event.at > state.last_at:
        state.last_at = event.at


def vector(state: State, now: float) -> list[float]:
    """The values of all signals at `now` (Unix seconds, UTC), ordered as `catalog.NAMES`; NaN: missing."""
    found: list[float] = []
    for value, signal_state in zip(_VALUES, state.signals, strict=True):
        found.extend(value(signal_state, now))
    return found


def named(values: list[float]) -> dict[str, float]:
    """The values of `vector` by name."""
    return dict(zip(NAMES, values, strict=True))


def repertoire(state: State, now: float) -> list[tuple[str, float, float]]:
    """(product id, decayed count at `now`, last bought in Unix seconds), heaviest first."""
    return _repertoire.held(state.signals[_REPERTOIRE], now)


def encode(state: State) -> bytes:
    """The state as MessagePack."""
    return _ENCODER.encode(state)


def decode(raw: bytes) -> State:
    """Read what `encode` wrote.

    Raises:
        StoreError: not a state, or one of another catalog version.
    """
    try:
        state = _DECODER.decode(raw)
    except msgspec.MsgspecError as error:
        raise StoreError(
            f"state of a customer: expected catalog {VERSION}, found something else ({error}); "
            "import the events again into a new working folder"
        ) from error
    if state.catalog != VERSION:
        raise StoreError(
            f"state of a customer: expected catalog {VERSION}, found {state.catalog}; "
            "import the events again into a new working folder"
        )
    return state
