"""Joins decisions with what came after them: a click or an order that belongs to a decision is its response.

An event belongs to the decision that it cites (property `decisionId`). An order also belongs to each decision
about its customer within whose window it falls, so that what comes of doing nothing is known too. Whether a
response came or not, a decision's time is up when the window is over, and not before: else responses would
be learned earlier than silence, and seem more frequent than they are.
"""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any, Literal, NamedTuple

import msgspec

from ebbtide.domain.action import NOTHING, Action
from ebbtide.domain.event import Event, EventError, decode
from ebbtide.domain.outcome import DECISION_OUTCOME
from ebbtide.logs.outcomes import ALIKE_DAYS, Attributed
from features.signals.daily import DAY
from features.signals.engagement import CHANNELS

CAPACITY = 100_000
"""Decisions that may wait; beyond that those that would be due first are given up, and counted."""
ORDER = "Order Completed"
BOUNCED = frozenset({"Email Bounced", "Push Notification Bounced", "SMS Bounced"})
NO_RESPONSE = frozenset(
    {name for sent, opened, _ in CHANNELS.values() for name in (sent, opened) if name}
    | {"Unsubscribed", "Email Marked as Spam"}
)
"""Events that may cite a decision without being a response to it. Others are, such as a product viewed."""
CITES = b'"decisionId"'
"""Stands in every event, as logged, that cites a decision."""
_MARKS = (CITES, b'"Order Completed"')

Kind = Literal["click", "conversion", "failure"]
_KINDS: dict[str, Kind] = {"clicked": "click", "converted": "conversion", "failed": "failure"}


class Told(NamedTuple):
    """An event that may belong to a decision.

    `at` in Unix seconds; `decision` is the one that it cites; `order` tells an order itself from the word of
    somebody that there was one.
    """

    id: str
    customer: str
    at: float
    kind: Kind
    decision: str | None
    money: float = 0.0
    order: bool = False


def told(raws: Iterable[bytes]) -> list[Told]:
    """What events, as logged, say about decisions. Looks at few of them closely, so that it costs little."""
    found = (_told(raw) for raw in raws if any(mark in raw for mark in _MARKS))
    return [one for one in found if one is not None]


def _told(raw: bytes) -> Told | None:
    try:
        event = decode(raw)
    except EventError:
        return None  # the updater has rejected it, with the reason
    kind, cited = _kind(event, raw), event.properties.decisionId
    if kind is None or (cited is None and kind != "conversion"):
        return None
    money = event.properties.worth() if kind == "conversion" else 0.0
    return Told(event.id, event.customer, event.at, kind, cited, money, event.name == ORDER)


class _OutcomeProperties(msgspec.Struct):
    outcome: str | None = None


class _OutcomeCall(msgspec.Struct):
    properties: _OutcomeProperties


def _kind(event: Event, raw: bytes) -> Kind | None:
    if event.name == ORDER:
        return "conversion"
    if event.name == DECISION_OUTCOME:
        return _KINDS.get(msgspec.json.decode(raw, type=_OutcomeCall).properties.outcome or "")
    if event.name in BOUNCED:
        return "failure"
    return None if event.name in NO_RESPONSE else "click"


@dataclass(slots=True)
class _Waiting:
    """A decision that waits: for responses until `ends`, for what is alike for all actions until `due`.

    `stated` is the money of an outcome that cites it; `orders` are times and money of orders, by id.
    """

    decision: str
    customer: str
    action: str
    outcome: str
    at: float
    ends: float
    due: float
    clicked: bool = False
    converted: bool = False
    failed: bool = False
    stated: float = 0.0
    orders: dict[str, tuple[float, float]] = field(default_factory=dict)


class Attribution:
    """The decisions that wait for their outcome."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self.dropped = 0
        """Decisions given up, for want of room."""
        self._waiting: dict[str, _Waiting] = {}
        self._customers: dict[str, list[str]] = {}
        self._due: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def decided(self, decision: str, customer: str, action: Action, at: float) -> None:
        """Wait for the outcome of a decision that was made at `at` (Unix seconds); once for each id."""
        if decision in self._waiting:
            return
        ends, due = (at + days * DAY for days in (action.window_days, max(action.window_days, ALIKE_DAYS)))
        self._add(_Waiting(decision, customer, action.id, action.outcome, at, ends, due))
        if len(self._waiting) > self._capacity:
            self._pop()
            self.dropped += 1

    def take(self, events: Iterable[Told]) -> None:
        """Give events to the decisions that they belong to."""
        for event in events:
            cited = self._waiting.get(event.decision or "")
            if cited is not None and event.at <= cited.ends:
                _respond(cited, event)
            if event.order:
                for decision in self._customers.get(event.customer, ()):
                    _order(self._waiting[decision], event)

    def due(self, now: float) -> list[Attributed]:
        """The outcomes of all decisions whose window was over at event time `now`, in that order.

        Decisions whose message did not arrive are left out: nothing can be learned from them.
        """
        found = []
        while self._due and self._due[0][0] < now:
            one = self._pop()
            if not one.failed:
                found.append(_attributed(one))
        return found

    def to_list(self) -> list[Any]:
        """What waits, in values that JSON can hold."""
        return [list(astuple(one)) for one in self._waiting.values()]

    @classmethod
    def from_list(cls, saved: Sequence[Any], capacity: int = CAPACITY) -> "Attribution":
        """What waited when `to_list` was called."""
        made = cls(capacity)
        for one in saved:
            made._add(_Waiting(*one))
        return made

    def _add(self, one: _Waiting) -> None:
        self._waiting[one.decision] = one
        self._customers.setdefault(one.customer, []).append(one.decision)
        heapq.heappush(self._due, (one.due, one.decision))

    def _pop(self) -> _Waiting:
        _, decision = heapq.heappop(self._due)
        one = self._waiting.pop(decision)
        own = self._customers[one.customer]
        own.remove(decision)
        if not own:
            del self._customers[one.customer]
        return one


def _respond(one: _Waiting, event: Told) -> None:
    """Take up an event that cites the decision, within its window."""
    if event.kind == "failure":
        one.failed = True
        return
    one.clicked = True  # an order that cites a message came from it
    if event.kind == "conversion":
        one.converted = True
        if not event.order:
            one.stated = event.money
        elif event.customer != one.customer:  # the customer's own are taken up as such
            one.orders[event.id] = (event.at, event.money)


def _order(one: _Waiting, event: Told) -> None:
    """Take up an order of the decision's customer."""
    if one.at < event.at <= one.due:
        one.converted = one.converted or event.at <= one.ends
        one.orders[event.id] = (event.at, event.money)


def _attributed(one: _Waiting) -> Attributed:
    responded = one.clicked if one.outcome == "click" and one.action != NOTHING.id else one.converted
    money, week = (
        sum(money for at, money in one.orders.values() if at <= until) if one.orders else one.stated
        for until in (one.ends, one.at + ALIKE_DAYS * DAY)
    )
    return Attributed(one.decision, one.customer, one.action, one.at, one.due, responded, money, week)
