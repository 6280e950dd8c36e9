"""The customers of a hold-out test: when each came in, and what they did in the horizon after that.

Whoever was active when the test began comes in then; whoever is new later comes in with their first event.
Nothing that an action could bring about decides who is counted, or when: so those held out and the others
differ by chance and by the actions alone.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from ebbtide.domain.event import NOT_THEIRS, Event
from ebbtide.domain.identity import linked

Array = NDArray[np.float64]
DAY = 86_400.0
ORDER = "Order Completed"


@dataclass(frozen=True)
class Cohort:
    """Customers in the order in which they came due, shape (n,) each.

    Attributes:
        due: when the horizon of each had passed, Unix seconds, UTC.
        retained: 1 for those with an order in their horizon, else 0.
        money: that their orders in it brought.
        held_out: whether they got no action.
    """

    due: Array
    retained: Array
    money: Array
    held_out: NDArray[np.bool_]


@dataclass(frozen=True)
class Trial:
    """A hold-out test: since when it runs (Unix seconds), over which horizon, and who was active, in days."""

    since: float
    horizon: float
    active: float


def cohort(events: Iterable[Event], trial: Trial, held_out: Callable[[str], bool], *, now: float) -> Cohort:
    """Follow the customers of a test whose horizon has passed at `now` (Unix seconds).

    Args:
        events: all of them, in about the order in which they happened; one told twice counts once.
        trial: when it began and what it measures.
        held_out: tells by a customer's id.
        now: until when events are known.
    """
    seen = _Seen(trial.since)
    for event in events:
        if event.name not in NOT_THEIRS:  # else only those treated would come in with their first message
            seen.take(event)
    entered = {
        customer: at for customer, at in seen.entered(trial.active).items() if at + trial.horizon * DAY <= now
    }
    # Of those who came in together the order is a draw, so that no look favours anybody.
    order = sorted(entered, key=lambda customer: (entered[customer], _draw(customer)))
    retained, money = np.zeros((2, len(order)))
    for place, customer in enumerate(order):
        begin, end = entered[customer], entered[customer] + trial.horizon * DAY
        found = [worth for at, worth in seen.orders.get(customer, {}).values() if begin < at <= end]
        retained[place], money[place] = float(bool(found)), sum(found)
    return Cohort(
        np.array([entered[customer] + trial.horizon * DAY for customer in order]),
        retained,
        money,
        np.array([held_out(customer) for customer in order], dtype=bool),
    )


class _Seen:
    """What the events say of each id, and which ids are one customer."""

    def __init__(self, since: float) -> None:
        self._since = since
        self._span: dict[str, tuple[float, float]] = {}
        """Of each id the first event, and the last one before the test began (minus infinity: none)."""
        self._owner: dict[str, str] = {}
        self._orders: dict[str, dict[str, tuple[float, float]]] = {}

    def take(self, event: Event) -> None:
        first, before = self._span.get(event.customer, (np.inf, -np.inf))
        known = max(before, event.at) if event.at < self._since else before
        self._span[event.customer] = (min(first, event.at), known)
        if event.name == ORDER and event.at > self._since:
            self._orders.setdefault(event.customer, {})[event.id] = (event.at, event.properties.worth())
        other = linked(event)
        if other is not None and other != self._person(event.customer):
            self._owner.setdefault(other, event.customer)

    def entered(self, active: float) -> dict[str, float]:
        """When each customer came in; those who had been away when the test began are left out."""
        spans: dict[str, tuple[float, float]] = {}
        for id_, (first, before) in self._span.items():
            person = self._person(id_)
            other = spans.get(person, (np.inf, -np.inf))
            spans[person] = (min(first, other[0]), max(before, other[1]))
        return {
            customer: max(first, self._since)
            for customer, (first, before) in spans.items()
            if first >= self._since or before >= self._since - active * DAY
        }

    @property
    def orders(self) -> dict[str, dict[str, tuple[float, float]]]:
        """Time and money of each customer's orders, by event."""
        found: dict[str, dict[str, tuple[float, float]]] = {}
        for id_, orders in self._orders.items():
            found.setdefault(self._person(id_), {}).update(orders)
        return found

    def _person(self, id_: str) -> str:
        while id_ in self._owner:
            id_ = self._owner[id_]
        return id_


def _draw(customer: str) -> bytes:
    return blake2b(customer.encode(), digest_size=8, person=b"ebbtide:cohort").digest()
