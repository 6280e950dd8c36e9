"""The reference: the values of one customer at a moment, straight from the raw events."""

from collections.abc import Callable, Iterable
from operator import attrgetter

from ebbtide.domain.event import Event
from ebbtide.verify.formulas import account, activity, browsing, consent, contact, orders
from ebbtide.verify.formulas.common import Events, Values

FORMULAS: tuple[Callable[[Events, float], Values], ...] = (
    orders.recency,
    activity.frequency,
    orders.spend,
    orders.refunds,
    orders.rhythm,
    orders.decayed,
    activity.session,
    browsing.funnel,
    browsing.interest,
    orders.basket,
    orders.repertoire,
    contact.feedback,
    activity.tenure,
    activity.calendar,
    account.context,
    account.subscription,
    consent.consent,
)


NOT_THEIRS = (
    *("Product Back In Stock", "Decision Outcome"),
    *("Email Delivered", "Push Notification Received", "SMS Delivered", "In-App Message Received"),
    *("Email Bounced", "Push Notification Bounced", "SMS Bounced"),
)
"""Events that are nothing that the customer did: only engagement counts them."""


def values(events: Iterable[Event], now: float) -> Values:
    """All values of one customer at `now` (Unix seconds, UTC), by name; NaN: missing.

    Only events up to `now` count, in any order; one that comes again, by its id, counts once.

    >>> found = values([Event("m1", "c", "Order Completed", at=0.0)], now=3 * 86_400.0)
    >>> found["orders_total"], found["recency_days"], found["tenure_days"]
    (1.0, 3.0, 3.0)
    """
    known = {event.id: event for event in events if event.at <= now}
    ordered = sorted(known.values(), key=attrgetter("at"))
    theirs = [event for event in ordered if event.name not in NOT_THEIRS]
    found = contact.engagement(ordered, now)
    for formula in FORMULAS:
        found |= formula(theirs, now)
    return {name: float(value) for name, value in found.items()}
