"""One batch being applied to the states of its customers."""

import math
from collections.abc import Callable, Iterable, Sequence

import msgspec

from ebbtide.domain import identity
from ebbtide.domain.event import BACK_IN_STOCK, Event, EventError
from ebbtide.domain.event import decode as decode_event
from ebbtide.domain.identity import Absorb, HandOver, Message, Redirect
from ebbtide.domain.trigger import Tick
from ebbtide.logs.events import BEGINNING, Entry, Offset, Record
from ebbtide.logs.rejected import Rejection
from features.profile import State, encode, merge, new_state, reached, segment
from features.profile import decode as decode_state
from features.signals.daily import DAY, day_of
from features.store.row import Row
from models.recommendations.item_statistics import Told
from streaming.judging import Judging

LATE = "late: older than the newest event of its customer by more than the lateness allowed"
TOO_MANY = "identity: the customer has taken up as many other ids as are allowed"
CIRCLE = "identity: the customers it was sent on to lead back to one another"
NOBODY = "back in stock: nothing is known of the customer"
TAKEN = "identity: the other id belongs to another customer already"


_LOOKS = frozenset({"Product Viewed", "Product Added"})


class Work:
    """One batch being applied.

    What concerns a customer of another partition is passed on through the event log; with `direct`, in an
    import, which has all customers at hand and the archive already, it is done at once.
    """

    def __init__(
        self,
        states: Callable[[Iterable[str]], dict[str, State]],
        lateness: float,
        follows: Callable[[str], bool] | None,
        judging: Judging,
        *,
        direct: bool,
        tells: bool = True,
    ) -> None:
        self._tells = tells
        self._find, self._lateness, self._follows, self._direct = states, lateness, follows, direct
        self._judging = judging
        self._decode = decode_event if direct else _decode
        self._states: dict[str, State] = {}
        self._touched: dict[str, None] = {}
        """The customers, in the order in which they came up."""
        self._heard: set[str] = set()
        self._days: dict[str, float] = {}
        """Of each one followed, when the day of the newest event in the batch ends, in Unix seconds."""
        self.taken = 0
        self.raws: list[bytes] = []
        self.day_ends: list[Row] = []
        self.orders: list[tuple[str, float]] = []
        self.looks: list[Event] = []
        self.told: list[Told] = []
        self._offset: Offset = BEGINNING
        self.rejected: list[Rejection] = []
        self.passed_on: list[Entry] = []

    def take_all(self, records: Sequence[Record]) -> None:
        """Apply events in their order, each once."""
        events = self._decoded(records)
        named = dict.fromkeys([event.customer for _, event in events])
        states = self._states = self._find(named)
        self._touched |= named
        if not self._direct:
            self._heard |= {event.customer for _, event in events if _is_heard(event)}
        if self._follows is not None:
            fresh = filter(self._follows, named.keys() - self._days.keys())
            self._days |= dict.fromkeys(fresh, -math.inf)
        direct, raws = self._direct, self.raws
        for record, event in events:
            state, offset, raw = states[event.customer], record.offset, record.raw
            if offset <= (state.imported if direct else state.logged):
                if direct and isinstance(event, Event) and event.also is not None:
                    self._see_handed_over(event)
                continue
            self._offset = offset
            if direct:
                state.imported = offset
            else:
                state.logged = offset
                if type(event) is Event:
                    if (fault := self._fault(event, state)) is not None:
                        self.rejected.append(Rejection(None, fault, raw))
                        continue
                    raws.append(raw)
            if type(event) is Event and not state.merged_into:
                self._apply(event, state, raw)
            else:
                self._take(event, raw)

    def present(self) -> list[Row]:
        """The states of all customers touched, as they are now; the sign posts after those they lead to."""
        rows: list[Row] = []
        posts: list[Row] = []
        for customer in self._touched:
            state = self._states[customer]
            if state.last_at < 0.0:  # nothing was ever seen of them
                continue
            (posts if state.merged_into else rows).append(Row(customer, encode(state), state.last_at))
        return rows + posts

    def _decoded(self, records: Sequence[Record]) -> list[tuple[Record, Event | Message]]:
        found: list[tuple[Record, Event | Message]] = []
        decode = self._decode
        for record in records:
            try:
                found.append((record, decode(record.raw)))
            except EventError as error:
                self.rejected.append(Rejection(None, str(error), record.raw))
        self.taken += len(found)
        return found

    def _fault(self, event: Event, state: State) -> str | None:
        """Why an event from the log changes nothing, if so."""
        if event.at < state.last_at - self._lateness:
            return LATE
        return NOBODY if event.name == BACK_IN_STOCK and state.last_at < 0.0 else None

    def looked_at(self) -> set[str]:
        """Customers of whom nothing was heard: time passed, and their triggers were judged."""
        return set() if self._direct else self._judging.ticked - self._heard

    def timers(self) -> dict[str, float | None]:
        """When each customer touched is to be judged next."""
        return self._judging.timers(self._touched, self._states)

    def _take(self, event: Event | Message, raw: bytes) -> None:
        state = self._states[event.customer]
        if isinstance(event, HandOver):
            self._hand_over(event, state, raw)
        elif isinstance(event, Tick):
            self._judging.tick(event, state)
        elif state.merged_into:
            self._redirect(event, state, raw)
        elif isinstance(event, Absorb):
            self._absorb(event.customer, decode_state(event.state), event.at)
        elif isinstance(event, Redirect):
            # Not late where it came in: how far behind the flow is must not decide what counts.
            call = bytes(event.call)
            self._apply(msgspec.structs.replace(decode_event(call), customer=event.customer), state, call)
        else:
            self._apply(event, state, raw)

    def _apply(self, event: Event, state: State, raw: bytes) -> None:
        if self._days:
            self._before_change(event.customer, state, event.at)
        self._judging.apply(event, state)
        if event.name == "Order Completed":
            self.orders.append((event.customer, event.at))
            if self._tells:
                self.told.append(Told(self._offset, event, *segment(state)))
        elif self._tells and event.name in _LOOKS and event.properties.id is not None:
            self.looks.append(event)
            if event.name == "Product Viewed":
                self.told.append(Told(self._offset, event))
        elif event.also is not None and (other := identity.linked(event)) is not None:
            self._claim(other, event, state, raw)

    def _claim(self, other: str, event: Event, state: State, raw: bytes) -> None:
        """Ask for the state of another id of this customer, once."""
        if len(state.claimed) >= identity.MOST_MERGES:
            self.rejected.append(Rejection(None, TOO_MANY, raw))
        elif other not in state.claimed:
            state.claimed.append(other)
            asked = HandOver(f"handover:{event.id}", other, event.customer, event.at)
            if self._direct:
                self._hand_over(asked, self._find({other})[other], raw)
            else:
                self.passed_on.append((other, asked.id, identity.encode(asked)))

    def _hand_over(self, asked: HandOver, state: State, raw: bytes) -> None:
        """Send a customer's state to another, and leave a sign post."""
        if state.merged_into:
            if state.merged_into != asked.to:
                self.rejected.append(Rejection(None, TAKEN, raw))
            return
        if asked.to in state.claimed and asked.customer < asked.to:
            return  # each claims the other, and the other will hand over
        self._leave_sign_post(asked.customer, state, asked.to, asked.at)
        if self._direct:
            self._absorb(self._found(asked.to), state, asked.at)
        else:
            sent = Absorb(f"absorb:{asked.id}", asked.to, asked.customer, asked.at, encode(state))
            self.passed_on.append((asked.to, sent.id, identity.encode(sent)))

    def _leave_sign_post(self, customer: str, state: State, to: str, at: float) -> None:
        post = new_state()
        post.merged_into, post.last_at = to, max(state.last_at, at)
        post.logged, post.imported = state.logged, state.imported
        self._states[customer] = post
        self._touched[customer] = None

    def _see_handed_over(self, event: Event) -> None:
        """Leave the sign post that an import was killed before writing; its customer has the history."""
        other, customer = identity.linked(event), self._found(event.customer)
        if other is None or other not in self._states[customer].claimed:
            return
        its = self._find({other})[other]
        if not its.merged_into and not (customer in its.claimed and other < customer):
            self._leave_sign_post(other, its, customer, event.at)

    def _absorb(self, customer: str, other: State, at: float) -> None:
        """Take up the history of what was another customer."""
        state = self._states[customer]
        self._before_change(customer, state, at)
        self._judging.before(customer, state, at)
        merge(state, other)
        self._touched[customer] = None

    def _redirect(self, event: Event | Absorb | Redirect, post: State, raw: bytes) -> None:
        """Send an event to whom its customer turned out to be."""
        if isinstance(event, Event):
            post.last_at = max(post.last_at, event.at)  # by which the next are judged for lateness
        if self._direct:
            customer = self._found(post.merged_into)
            owner = self._states[customer]
            if post.imported <= owner.imported:  # an import was killed after the customer, before the post
                if isinstance(event, Event) and event.also is not None:
                    self._see_handed_over(event)
                return
            owner.imported = post.imported
            self._touched[customer] = None
            self._take(msgspec.structs.replace(event, customer=customer), raw)
            return
        sent = identity.sent_on(event, post.merged_into, raw)
        if sent.hops > identity.MOST_HOPS:
            self.rejected.append(Rejection(None, CIRCLE, raw))
        else:
            self.passed_on.append((sent.customer, f"{sent.id}~{sent.hops}", identity.encode(sent)))

    def _found(self, customer: str) -> str:
        """The customer at the end of the sign posts; at hand from now on. An import makes no circles."""
        while (post := self._find({customer})[customer].merged_into) != "":
            customer = post
        return customer

    def _before_change(self, customer: str, state: State, at: float) -> None:
        """Tell how a followed customer stood after an earlier day, before the first change of this one."""
        ends = self._days.get(customer, math.inf)
        if at >= ends:
            if ends > -math.inf:  # else the state was told at the end of an earlier batch
                self.day_ends.append(Row(customer, encode(state), state.last_at))
            self._days[customer] = (day_of(max(at, state.last_at)) + 1) * DAY


def _is_heard(event: Event | Message) -> bool:
    """Whether something may change in a customer's state, other than by time."""
    return reached(event.name) if isinstance(event, Event) else not isinstance(event, Tick)


def _decode(raw: bytes) -> Event | Message:
    return identity.decode(raw) or decode_event(raw)
