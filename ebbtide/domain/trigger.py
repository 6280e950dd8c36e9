"""A trigger that fired, what is remembered of each customer so that it fires once, and a timer's tick."""

import math
from collections.abc import Iterable
from hashlib import sha256
from typing import TypeVar

import msgspec

from ebbtide.domain.customer import Stage

STAGE_ENTERED = "Stage Entered"
"""The event that a customer's move to another stage is, and its rule's name in the log of triggers."""
DAY = 86_400.0
DAILY = 28
"""Days of silence with a look each; then there is one a week."""
LOOKED_AT_FOR = 728
"""Days of silence after which nobody looks at a customer any more."""
_Time = TypeVar("_Time", float, tuple[float, str])


class Fired(msgspec.Struct, frozen=True, rename="camel"):
    """A rule that fired for a customer: when, why, until when it stands, and what it is about.

    Times are ISO 8601 in UTC, and those of the events: `fired_at` is the moment at which the condition turned
    true, not that at which somebody looked. `cause` is the event's id, or the silence that began at a time.
    `products` are the product of the event, or those in the cart. `previous` is the stage before, of a stage
    entered.
    """

    trigger_id: str
    customer_id: str
    rule: str
    fired_at: str
    expires_at: str
    reason: str
    stage: str
    cause: str
    products: tuple[str, ...] = ()
    previous: Stage | None = None


class Memory(msgspec.Struct, array_like=True):
    """What is remembered of a customer from one judging of the rules to the next.

    35 bytes, and 20 to 60 for each rule that held, fired or waits.

    Attributes:
        version: of the rules by which the rest was judged; empty: nothing was.
        looked: up to when they were judged, in Unix seconds, UTC.
        stage: the stage last seen; empty before the first.
        held: rules that are not armed, for they held at the last judging or have fired and not re-armed.
        fired: when each rule last fired, in Unix seconds.
        timers: per rule the moment at which it is to be judged, and the id of the event that set the timer.
    """

    version: str
    looked: float
    stage: str = ""
    held: list[str] = []
    fired: dict[str, float] = {}
    timers: dict[str, tuple[float, str]] = {}


class Tick(msgspec.Struct, frozen=True, tag_field="type", tag="ebbtide.tick"):
    """Tells the flow, through the event log, that a moment has come at which a silent customer is judged."""

    id: str
    customer: str
    at: float


def tick(customer: str, at: float) -> Tick:
    """The tick of a customer at a moment (Unix seconds); its id is the same each time.

    >>> tick("c", 3600.0).id
    'tick:c:3600.0'
    """
    return Tick(f"tick:{customer}:{at!r}", customer, at)


def trigger_id(customer: str, rule: str, cause: str) -> str:
    """The id of a trigger, the same however often it is found: 32 hexadecimal digits of a SHA-256.

    >>> trigger_id("c", "cart_left", "m1") == trigger_id("c", "cart_left", "m1") != trigger_id("c", "x", "m1")
    True
    """
    return sha256("\x1f".join((customer, rule, cause)).encode()).hexdigest()[:32]


def united(one: Memory | None, other: Memory | None) -> Memory | None:
    """What is remembered of two customers who turned out to be one.

    What either held is held; of two times the later counts. Judged by different rules, they are judged anew.

    >>> united(Memory("v", 5.0, "new", ["a"]), Memory("v", 9.0, "active", ["b"], {"b": 8.0})).held
    ['a', 'b']
    """
    if one is None or other is None:
        return one or other
    return Memory(
        one.version if one.version == other.version else "",
        max(one.looked, other.looked),
        one.stage or other.stage,
        sorted({*one.held, *other.held}),
        _latest([*one.fired.items(), *other.fired.items()]),
        _latest([*one.timers.items(), *other.timers.items()]),
    )


def _latest(pairs: Iterable[tuple[str, _Time]]) -> dict[str, _Time]:
    return dict(sorted(pairs, key=lambda pair: pair[1]))


def next_look(heard_at: float, after: float) -> float | None:
    """The first moment behind `after` at which a customer silent since `heard_at` is looked at.

    It is once a day, to the second of the day at which they were last heard of, for four weeks, and once a
    week from then on, for two years; None beyond, and for who was never heard of. All in Unix seconds.

    >>> next_look(100.0, 100.0) == 100.0 + DAY, next_look(100.0, 100.0 + 29.5 * DAY) == 100.0 + 35 * DAY
    (True, True)
    >>> next_look(100.0, 100.0 + 800 * DAY) is None
    True
    """
    if heard_at == -math.inf:
        return None
    days = max(int((after - heard_at) // DAY), 0)
    while (moment := heard_at + _look(days) * DAY) <= after:
        days += 1
    return moment if _look(days) <= LOOKED_AT_FOR else None


def _look(days: int) -> int:
    """The first day with a look that is not before one."""
    return max(days, 1) if days <= DAILY else -(-days // 7) * 7
