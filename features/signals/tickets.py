"""Tickets: which are open, and how long those that were closed had been.

For each ticket its newest opening and its newest resolution count, so events may come in any order. It is
open while no resolution is as new as its opening.
"""

import math

import msgspec

TICKETS = 64
"""Tickets that are kept one by one."""

Times = tuple[float, float]
"""Newest opening and newest resolution, Unix seconds; -inf if there was none."""


class Tickets(msgspec.Struct, array_like=True):
    """Times per ticket; of closed ones let go, how many and their hours in all; 2 kB, 30 bytes for one."""

    times: dict[str, Times] = {}
    closed: int = 0
    hours: float = 0.0

    def note(self, ticket: str, opened: float = -math.inf, resolved: float = -math.inf) -> None:
        """Note that a ticket was opened or resolved."""
        times = self.times.get(ticket)
        if times is not None:
            opened, resolved = max(opened, times[0]), max(resolved, times[1])
        self.times[ticket] = (opened, resolved)
        if len(self.times) > TICKETS:
            self._let_go()

    def _let_go(self) -> None:
        """Sum up the ticket that was closed first; if all are open, forget the oldest."""

        def rank(ticket: str) -> tuple[bool, float, str]:
            opened, resolved = self.times[ticket]
            return (opened > resolved, max(opened, resolved), ticket)

        spent = _hours(self.times.pop(min(self.times, key=rank)))
        if spent is not None:
            self.closed += 1
            self.hours += spent

    def merge(self, other: "Tickets") -> None:
        """Take up the tickets of another part of the history."""
        self.closed += other.closed
        self.hours += other.hours
        for ticket, (opened, resolved) in other.times.items():
            self.note(ticket, opened, resolved)

    def open(self) -> int:
        """How many were opened and not resolved since.

        >>> tickets = Tickets()
        >>> tickets.note("a", resolved=7200.0), tickets.note("a", opened=0.0), tickets.note("b", opened=0.0)
        (None, None, None)
        >>> tickets.open(), tickets.mean_hours()
        (1, 2.0)
        """
        return sum(opened > resolved for opened, resolved in self.times.values())

    def mean_hours(self) -> float:
        """Mean time from opening to resolution in hours; NaN before the first that has both."""
        spans = [span for times in self.times.values() if (span := _hours(times)) is not None]
        closed = self.closed + len(spans)
        return (self.hours + math.fsum(spans)) / closed if closed else math.nan


def _hours(times: Times) -> float | None:
    """Hours from opening to resolution; None if the ticket is open, or its opening was not seen."""
    opened, resolved = times
    return (resolved - opened) / 3600.0 if -math.inf < opened <= resolved else None
