"""Events replayed in the order of time: the states of all customers, two ids of one customer joined."""

from typing import NamedTuple

from msgspec.structs import replace

from ebbtide.domain.event import Event
from ebbtide.domain.identity import MOST_MERGES, linked
from features.profile import State, merge, new_state, update


class Taken(NamedTuple):
    """Whose state an event changed, and the id whose history became part of it, if one did."""

    customer: str
    joined: str | None


class Replay:
    """The states of customers as events come in, by the rules of the stream.

    An id is taken up by the first customer who claims it, a customer claims `MOST_MERGES` ids at the most,
    and what comes later under an id that was taken up counts for its owner. (In the stream two ids may claim
    each other at once. Here they cannot: by the time of the second claim one of them is the other.)
    """

    def __init__(self) -> None:
        self.states: dict[str, State] = {}
        """Of the customers, but those that turned out to be another."""
        self.owners: dict[str, str] = {}
        """By id that was taken up the customer who claimed it, who may have been taken up since."""

    def take(self, event: Event) -> Taken:
        """Apply an event that is not older than those before."""
        customer = self.person(event.customer)
        state = self.states.get(customer)
        if state is None:
            state = self.states[customer] = new_state()
        update(state, event)
        joined = None
        if event.also is not None:
            joined = self._claimed(linked(replace(event, customer=customer)), customer, state)
        return Taken(customer, joined)

    def person(self, customer: str) -> str:
        """The customer that an id stands for by now."""
        while customer in self.owners:
            customer = self.owners[customer]
        return customer

    def _claimed(self, other: str | None, customer: str, state: State) -> str | None:
        """Take up another id's history, if the customer may have it; give the id then."""
        if other is None or other in state.claimed or len(state.claimed) >= MOST_MERGES:
            return None
        state.claimed.append(other)
        if other in self.owners:
            return None  # somebody else's
        self.owners[other] = customer
        if (theirs := self.states.pop(other, None)) is not None:
            merge(state, theirs)
        return other
