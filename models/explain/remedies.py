"""What would change it: the event that a reason calls for, applied to the state, and the model asked again.

A reason says what pushes the probability up. Where somebody can act on it, the act is an event: the open cart
is ordered, the ticket resolved, the payment made. The difference that it makes is the live model's own, and
may be small, or go the other way.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import msgspec

from ebbtide.domain.decision import Reason
from ebbtide.domain.event import Event, Properties
from features.catalog import SIGNALS
from features.profile import State, decode, encode, named, update, vector
from models.explain.reasons import story

Predict = Callable[[list[float]], float]
"""The probability for one vector of signals."""
_FEEDBACK = tuple(SIGNALS).index("feedback")
ORDER_STORIES = frozenset({"recency", "frequency", "rhythm", "trend", "spend", "activity", "session"})
"""Stories that an order changes."""


def rescored(reasons: Sequence[Reason], state: State, now: float, predict: Predict) -> tuple[Reason, ...]:
    """The reasons, each with its remedy and by how much that changes the probability, where there is one.

    Args:
        reasons: of `models.explain.reasons.reasons`, for this state at this moment.
        state: stays as it is.
        now: Unix seconds, UTC.
        predict: the live model's probability at the horizon that the reasons are about.
    """
    signals = vector(state, now)
    values, before = named(signals), predict(signals)
    known: dict[str, float] = {}  # several reasons may call for the same

    def answered(reason: Reason) -> Reason:
        remedy, events = remedy_for(story(reason.signal), state, values, now)
        if not events:
            return reason
        if remedy not in known:
            known[remedy] = predict(vector(_after(state, events), now)) - before
        return msgspec.structs.replace(reason, remedy=remedy, change=known[remedy])

    return tuple(map(answered, reasons))


def remedy_for(
    story: str, state: State, values: Mapping[str, float], now: float
) -> tuple[str, tuple[Event, ...]]:
    """What would answer a story, in words and as events at `now`; no events where nobody can act."""
    if story == "cart" and values["cart_items"] > 0:
        return "the open cart ordered", (_event("Order Completed", now, revenue=values["cart_value"]),)
    if story == "support" and values["tickets_open"] > 0:
        return "open tickets resolved", _resolutions(state, now)
    if story == "subscription" and values["payment_failures"] > 0:
        return "the failed payment made", (_event("Payment Succeeded", now),)
    if story == "subscription" and values["cancellation_asked"] > 0:
        return "the subscription renewed", (_event("Subscription Renewed", now),)
    if story in ORDER_STORIES and values["orders_total"] > 0:
        return "an order today", (_event("Order Completed", now, revenue=values["order_value_mean"]),)
    return "", ()


def _resolutions(state: State, now: float) -> tuple[Event, ...]:
    tickets = state.signals[_FEEDBACK].tickets.known
    open_ = [id_ for id_, (opened, resolved, _) in tickets.items() if opened > resolved]
    return tuple(Event(id_, "", "Ticket Resolved", now, Properties(ticket_id=id_)) for id_ in open_)


def _event(name: str, now: float, revenue: float = math.nan) -> Event:
    """An event that never happened. What was ordered is left open: it may be anything."""
    return Event("", "", name, now, Properties(revenue=None if math.isnan(revenue) else revenue))


def _after(state: State, events: Sequence[Event]) -> State:
    changed = decode(encode(state))
    for event in events:
        update(changed, event)
    return changed
