"""What an import did."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Report:
    """Counts kept while an import runs; complete once its iterator has ended.

    `lines` are lines of data read, `events` events made by name, `rejected` lines refused by reason. `first`
    and `last` are the moments of the first and last event in Unix seconds, UTC, after `shift` seconds were
    added.
    """

    lines: int = 0
    events: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    first: float | None = None
    last: float | None = None
    shift: float = 0.0

    def made(self, names: Iterable[str], first: float, last: float) -> None:
        """Count events by name, made between two moments."""
        self.events.update(names)
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)
