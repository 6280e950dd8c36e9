"""Tickets: which are open, how long the others had been, and how many took a single contact.

Of each ticket its newest opening and its newest resolution count, so events may come in any order. It is
open while no resolution is as new as its opening.
"""

import math
from copy import copy

import msgspec

TICKETS = 64
"""Tickets that are kept one by one."""
NEVER = -math.inf

Ticket = tuple[float, float, bool]
"""Newest opening, newest resolution (Unix seconds, -inf if there was none), resolved at the first contact."""


class Sums(msgspec.Struct, array_like=True, gc=False):
    """Tickets opened, open, resolved, resolved at the first contact, closed (both times known), hours."""

    opened: int = 0
    open: int = 0
    resolved: int = 0
    first_contact: int = 0
    closed: int = 0
    hours: float = 0.0

    def add(self, ticket: Ticket) -> None:
        """Count a ticket."""
        opened, resolved, first_contact = ticket
        self.opened += opened > NEVER
        self.open += opened > resolved
        self.resolved += resolved > NEVER
        self.first_contact += first_contact
        if NEVER < opened <= resolved:
            self.closed += 1
            self.hours += (resolved - opened) / 3600.0

    def merge(self, other: "Sums") -> None:
        """Add other tickets."""
        self.opened += other.opened
        self.open += other.open
        self.resolved += other.resolved
        self.first_contact += other.first_contact
        self.closed += other.closed
        self.hours += other.hours


class Tickets(msgspec.Struct, array_like=True, gc=False):
    """The tickets noted last one by one, and what those let go sum up to; 2 kB, 40 bytes with one."""

    known: dict[str, Ticket] = {}
    past: Sums = msgspec.field(default_factory=Sums)

    def note(
        self, id_: str, opened: float = NEVER, resolved: float = NEVER, first_contact: bool = False
    ) -> None:
        """Note that a ticket was opened or resolved."""
        found = self.known.get(id_)
        if found is not None:
            opened = max(opened, found[0])
            resolved, first_contact = max((resolved, first_contact), found[1:])
        self.known[id_] = (opened, resolved, first_contact)
        if len(self.known) > TICKETS:
            self.past.add(self.known.pop(min(self.known, key=self._rank)))

    def _rank(self, id_: str) -> tuple[bool, float, str]:
        """What is let go first: of the closed tickets the oldest; if there is none, of the open ones."""
        opened, resolved, _ = self.known[id_]
        return (opened > resolved, max(opened, resolved), id_)

    def merge(self, other: "Tickets") -> None:
        """Take up the tickets of another part of the history."""
        self.past.merge(other.past)
        for id_, (opened, resolved, first_contact) in other.known.items():
            self.note(id_, opened, resolved, first_contact)

    def sums(self) -> Sums:
        """What all tickets sum up to.

        >>> tickets = Tickets()
        >>> for id_, opened, resolved in (("a", NEVER, 7200.0), ("a", 0.0, NEVER), ("b", 0.0, NEVER)):
        ...     tickets.note(id_, opened, resolved)
        >>> tickets.sums()
        Sums(opened=2, open=1, resolved=1, first_contact=0, closed=1, hours=2.0)
        """
        if not self.known:
            return self.past
        sums = copy(self.past)
        for ticket in self.known.values():
            sums.add(ticket)
        return sums
