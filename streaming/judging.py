"""Judges the triggers of the customers that a batch concerns, event by event, and collects what fired."""

from collections.abc import Iterable, Mapping

from ebbtide.domain.event import Event
from ebbtide.domain.trigger import Fired, Tick
from features.profile import State, reached, update
from models.triggers.moments import Moments, next_moment, take_in


class Judging:
    """The triggers of one batch.

    Args:
        moments: judges; None: nobody does.
        now: when the batch is applied, in Unix seconds, UTC.
        imported: whether it comes from an import: what is past counts as known, and fires nothing.
    """

    def __init__(self, moments: Moments | None, now: float, *, imported: bool) -> None:
        self._moments, self._now, self._imported = moments, now, imported
        self.fired: list[Fired] = []
        self.ticked: set[str] = set()
        """Customers for whom a tick came, or an event that leaves their state as it is."""

    def apply(self, event: Event, state: State) -> None:
        """Apply an event to its customer's state, with what fires before and by it."""
        moments = self._moments
        if moments is None or self._imported:
            update(state, event)
            return
        if not reached(event.name):
            self.ticked.add(event.customer)
        self.fired += moments.before(event.customer, state, event.at)
        update(state, event)
        self.fired += moments.after(event.customer, state, event)

    def before(self, customer: str, state: State, at: float) -> None:
        """Judge a customer up to a moment at which the state will change."""
        if self._moments is not None and not self._imported:
            self.fired += self._moments.before(customer, state, at)

    def tick(self, tick: Tick, state: State) -> None:
        """Judge a customer of whom nothing was heard."""
        self.ticked.add(tick.customer)
        if not state.merged_into and state.memory is not None:
            self.before(tick.customer, state, tick.at)

    def timers(self, customers: Iterable[str], states: Mapping[str, State]) -> dict[str, float | None]:
        """When each customer is to be judged next; call it once all is applied."""
        if self._moments is None and not self._imported:
            return {}
        found: dict[str, float | None] = {}
        for customer in customers:
            state = states[customer]
            if self._imported and not state.merged_into:
                take_in(state, self._now)
            found[customer] = next_moment(state)
        return found
