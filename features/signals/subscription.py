"""Subscription: plan, renewal, failed payments, and whether the customer asked to leave.

Of a good and a bad event at one time (paid and failed, renewed and cancelled) the bad one counts as later.

>>> from ebbtide.domain.event import Properties
>>> def told(name, day, **properties):
...     return Event(f"m{day}", "c", name, day * 86_400.0, Properties(**properties))
>>> state = State()
>>> update(state, told("Subscription Started", 1, plan="gold", renewal_date="1970-02-01"))
>>> update(state, told("Payment Failed", 9))
>>> value(state, now=11 * 86_400.0)
(425.0, 20.0, 1.0, 0.0, 1.0)
"""

import math
from bisect import bisect_left, insort

import msgspec

from ebbtide.domain.event import Event, EventError
from ebbtide.domain.ingest import parse_time
from features.signals.codes import code
from features.signals.daily import DAY
from features.signals.latest import NEVER, Latest

STARTED, RENEWED, UPDATED = "Subscription Started", "Subscription Renewed", "Subscription Updated"
CANCELLED, ASKED = "Subscription Cancelled", "Cancellation Requested"
FAILED, PAID = "Payment Failed", "Payment Succeeded"
EVENTS = frozenset({STARTED, RENEWED, UPDATED, CANCELLED, ASKED, FAILED, PAID})
VALUES = {
    "plan_code": "code: of the plan last named, 0 to 999",
    "renewal_days": "days: until the renewal last announced, negative once it has passed",
    "payment_failures": "count: payments failed since the last one that succeeded, 16 at most",
    "cancellation_asked": "0 or 1: whether they cancelled, or asked to, since the last start or renewal",
    "subscribed": "0 or 1: whether the last start, renewal or change is newer than the last cancellation",
}
FAILURES = 16
LETTERS = 64
"""Letters that are kept of a plan's name."""
_KEPT = {STARTED: "begun_at", RENEWED: "begun_at", UPDATED: "updated_at", CANCELLED: "cancelled_at"}
_KEPT |= {ASKED: "asked_at", PAID: "paid_at"}


class State(msgspec.Struct, array_like=True, gc=False):
    """Times (Unix seconds) of the newest of each kind, failures since the last payment; 300 bytes at most."""

    plan: tuple[float, str] | None = None
    renewal: Latest = NEVER
    failures: list[float] = []
    begun_at: float = -math.inf
    updated_at: float = -math.inf
    cancelled_at: float = -math.inf
    asked_at: float = -math.inf
    paid_at: float = -math.inf
    seen: bool = False


def update(state: State, event: Event) -> None:
    """Take up what happened to the subscription."""
    at, properties = event.at, event.properties
    state.seen = True
    if event.name == FAILED:
        insort(state.failures, at)
    else:
        kept = _KEPT[event.name]
        setattr(state, kept, max(getattr(state, kept), at))
    _forgive(state)
    if properties.plan is not None and properties.plan != "":
        plan = (at, str(properties.plan)[:LETTERS])
        state.plan = plan if state.plan is None else max(state.plan, plan)
    if properties.renewal_date is not None:
        try:
            renewal = Latest(at, parse_time(properties.renewal_date, "renewal_date"))
        except EventError:
            return  # no date: what was known stands
        state.renewal = max(state.renewal, renewal)


def _forgive(state: State) -> None:
    """Let go of failures that a payment followed, and of the oldest beyond 16."""
    failures = state.failures
    if failures:
        good = bisect_left(failures, max(state.paid_at, state.begun_at))
        del failures[: max(good, len(failures) - FAILURES)]


def merge(state: State, other: State) -> None:
    """Take up another part of the history."""
    for kept in _KEPT.values():
        setattr(state, kept, max(getattr(state, kept), getattr(other, kept)))
    state.failures = sorted(state.failures + other.failures)
    _forgive(state)
    if other.plan is not None:
        state.plan = other.plan if state.plan is None else max(state.plan, other.plan)
    state.renewal = max(state.renewal, other.renewal)
    state.seen = state.seen or other.seen


def value(state: State, now: float) -> tuple[float, ...]:
    """Plan, days to renewal, failures, asked to leave, subscribed; NaN where nothing was said."""
    asked = subscribed = math.nan
    if state.seen:
        asked = float(_follows(max(state.asked_at, state.cancelled_at), state.begun_at))
        subscribed = float(max(state.begun_at, state.updated_at) > state.cancelled_at)
    return (
        math.nan if state.plan is None else code(state.plan[1]),
        (state.renewal.value - now) / DAY,
        float(len(state.failures)),
        asked,
        subscribed,
    )


def _follows(bad: float, good: float) -> bool:
    """Whether there was a bad one, and no good one came after it."""
    return bad >= good and bad > -math.inf
