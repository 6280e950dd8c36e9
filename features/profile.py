"""The state of a customer, how an event changes it, and what it says at a moment.

This is the one place where features are computed: the stream, the API, the sweep and the training set all
call `vector(state, now)`.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from struct import Struct
from typing import TYPE_CHECKING, Any

import msgspec

from ebbtide.domain.contact import Reach
from ebbtide.domain.event import NOT_THEIRS, Event
from ebbtide.domain.trigger import Memory, united
from ebbtide.errors import StoreError
from features.catalog import NAMES, SIGNALS, VERSION
from features.signals import consent as _consent
from features.signals import repertoire as _repertoire

if TYPE_CHECKING:
    Stored = tuple[Any, ...]
else:
    Stored = tuple[tuple(signal.State | None for signal in SIGNALS.values())]

Offset = tuple[int, int]
"""A place in the event log (milliseconds, sequence number) or among the imports (import, line)."""


class State(msgspec.Struct, array_like=True, gc=False):
    """All that is kept of one customer.

    `last_at` is the newest event's time (Unix seconds, UTC), whoever did it. `logged` and `imported` are the
    places of the last events applied from the event log and from imports: one at or before them was applied
    already, so redelivery changes nothing. `signals` has each signal's state in the catalog's order, None for
    a signal that no event has reached. A customer that turned out to be another has the other's id in
    `merged_into` and nothing else; `claimed` are the others that this one takes up. `memory` is that of the
    triggers, which belongs to the same events as the rest; None where they were never judged.
    """

    catalog: str
    last_at: float
    logged: Offset
    imported: Offset
    signals: Stored
    merged_into: str = ""
    claimed: list[str] = []
    memory: Memory | None = None


_MODULES = tuple(SIGNALS.values())
_UNTOUCHED = (None,) * len(_MODULES)
_NOTHING = tuple(signal.value(signal.State(), 0.0) for signal in _MODULES)
"""The values of signals that nothing has reached: the same at any moment, to which the tests hold each."""
_VALUES = tuple((signal.value, nothing) for signal, nothing in zip(_MODULES, _NOTHING, strict=True))
_PACKED = tuple(
    (value, pack, pack(*nothing)) for value, nothing in _VALUES for pack in [Struct(f"{len(nothing)}d").pack]
)
_NAMED = {name for signal in _MODULES for name in signal.EVENTS or ()}

_Step = tuple[int, Callable[[Any, Event], None], Callable[[], Any]]


def _route(event_name: str | None) -> tuple[_Step, ...]:
    """Which signals an event of that name reaches (None: a name that no signal asks for)."""
    theirs = event_name not in NOT_THEIRS
    return tuple(
        (index, signal.update, signal.State)
        for index, signal in enumerate(_MODULES)
        if (theirs if signal.EVENTS is None else event_name in signal.EVENTS)
    )


_ROUTES = {name: _route(name) for name in _NAMED | NOT_THEIRS}
_OTHERS = _route(None)
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(State)
_DECAYED = tuple(SIGNALS).index("decayed")
_REPERTOIRE = tuple(SIGNALS).index("repertoire")
_FUNNEL = tuple(SIGNALS).index("funnel")
_CONSENT = tuple(SIGNALS).index("consent")
_CONTEXT = tuple(SIGNALS).index("context")
_PLACES = {name: place for place, name in enumerate(NAMES)}
NEWCOMER_ORDERS = 2
"""Orders up to which a customer counts as a newcomer in what is popular among them."""


def new_state() -> State:
    """The state of a customer of whom nothing was seen."""
    return State(VERSION, -math.inf, (0, 0), (0, 0), _UNTOUCHED)


def update(state: State, event: Event) -> None:
    """Apply one event to the state, in place."""
    known, route = state.signals, _ROUTES.get(event.name, _OTHERS)
    if not route:
        return
    signals: Any = known
    for index, apply, new in route:
        own = signals[index]
        if own is None:
            if signals is known:
                signals = list(known)
            own = signals[index] = new()
        apply(own, event)
    if signals is not known:
        state.signals = tuple(signals)
    if event.at > state.last_at:
        state.last_at = event.at


def reached(name: str) -> bool:
    """Whether events of that name change anything in a state."""
    return bool(_ROUTES.get(name, _OTHERS))


def merge(state: State, other: State) -> None:
    """Take up another customer's history, when the two turn out to be one; `other` stays as it is.

    The places applied stay those of `state`: the log of the other has places of its own.
    """
    signals = list(state.signals)
    for index, (signal, its) in enumerate(zip(_MODULES, other.signals, strict=True)):
        if its is not None:
            if signals[index] is None:
                signals[index] = signal.State()
            signal.merge(signals[index], its)
    state.signals = tuple(signals)
    state.last_at = max(state.last_at, other.last_at)
    state.memory = united(state.memory, other.memory)


def vector(state: State, now: float) -> list[float]:
    """The values of all signals at `now` (Unix seconds, UTC), ordered as `catalog.NAMES`; NaN: missing."""
    found: list[float] = []
    for (value, nothing), own in zip(_VALUES, state.signals, strict=True):
        found += nothing if own is None else value(own, now)
    return found


def vectors(states: Sequence[State], now: float) -> list[list[float]]:
    """`vector` of each of many states; signal by signal, which is a third faster than state by state."""
    by_signal = zip(*[state.signals for state in states], strict=True)
    columns = [
        [nothing if own is None else value(own, now) for own in owns]
        for (value, nothing), owns in zip(_VALUES, by_signal, strict=False)  # no states: no signals
    ]
    return [_joined(parts) for parts in zip(*columns, strict=True)]


def _joined(parts: Iterable[tuple[float, ...]]) -> list[float]:
    found: list[float] = []
    for part in parts:
        found += part
    return found


def packed(states: Sequence[State], now: float) -> bytes:
    """`vectors` as 64-bit floats in memory, row after row: in less time than it takes to pack them later."""
    by_signal = zip(*[state.signals for state in states], strict=True)
    columns = [
        [nothing if own is None else pack(*value(own, now)) for own in owns]
        for (value, pack, nothing), owns in zip(_PACKED, by_signal, strict=False)
    ]
    return b"".join(chain.from_iterable(zip(*columns, strict=True)))


class _Named(Mapping[str, float]):
    """Of so many values few are asked for: to make a dictionary of them takes longer than to find those."""

    __slots__ = ("_values",)

    def __init__(self, values: Sequence[float]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> float:
        return self._values[_PLACES[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)

    def __repr__(self) -> str:
        return repr(dict(self))


def named(values: Sequence[float]) -> Mapping[str, float]:
    """The values of `vector` by name."""
    return _Named(values)


def heard_at(state: State) -> float:
    """When the customer last did something (Unix seconds, UTC); minus infinity: never."""
    own = state.signals[_DECAYED]
    return -math.inf if own is None else own.events.at


def repertoire(state: State, now: float) -> list[tuple[str, float, float]]:
    """(product id, decayed count at `now`, last bought in Unix seconds), heaviest first."""
    own = state.signals[_REPERTOIRE]
    return [] if own is None else _repertoire.held(own, now)


def segment(state: State) -> tuple[bool, str]:
    """Whether the customer is a newcomer to the shop, and the country last seen, empty where none was."""
    funnel, context = state.signals[_FUNNEL], state.signals[_CONTEXT]
    newcomer = funnel is None or funnel.orders <= NEWCOMER_ORDERS
    return newcomer, "" if context is None or context.country is None else context.country.text


def last_stage(state: State) -> str:
    """The stage in which the customer was last seen, by which a stage is told; empty where none was."""
    return "" if state.memory is None else state.memory.stage


def in_cart(state: State) -> list[str]:
    """The ids of the products in the open cart, the one added last first."""
    own = state.signals[_FUNNEL]
    return [] if own is None else own.cart.products()


def views(state: State, product: str, since: float) -> int:
    """Views of a product from `since` (Unix seconds) on that no purchase of it followed; 30 days at most."""
    own = state.signals[_FUNNEL]
    return 0 if own is None else own.views.of(product, since)


def most_viewed(state: State, now: float) -> str | None:
    """The product viewed most in 30 days and not bought (`unbought_views_max` times), by its id."""
    own = state.signals[_FUNNEL]
    return None if own is None else own.views.most_viewed(now)


def viewed(state: State, now: float) -> list[tuple[str, float]]:
    """(product, when last viewed) of views in 30 days that no purchase followed, the latest first."""
    own = state.signals[_FUNNEL]
    return [] if own is None else own.views.latest(now)


def reach(state: State) -> Reach:
    """What the customer said of being spoken to: consent, and the time zone."""
    own = state.signals[_CONSENT]
    return Reach() if own is None else _consent.reach(own)


def encode(state: State) -> bytes:
    """The state as MessagePack."""
    return _ENCODER.encode(state)


def decode(raw: bytes) -> State:
    """Read what `encode` wrote.

    Raises:
        StoreError: not a state, or one of another catalog version.
    """
    try:
        state: State = _DECODER.decode(raw)
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
