"""Activity of any kind: frequency, tenure, calendar, session."""

import math
from itertools import pairwise

from ebbtide.domain.event import Event
from ebbtide.verify.formulas.common import (
    DAY,
    ORDER,
    Events,
    Values,
    day,
    in_days,
    mean,
    named,
    share,
    trend,
    window,
)

WINDOWS = (1, 7, 30, 90, 365)
BROWSING = (
    *("Page Viewed", "Screen Viewed", "Product Viewed", "Products Searched", "Product List Viewed"),
    *("Product Clicked", "Product Added", "Product Removed", "Cart Viewed", "Checkout Started", ORDER),
    *("Coupon Applied", "Promotion Viewed", "Promotion Clicked", "Application Opened"),
)
PAUSE = 1_800.0
"""Seconds: the longest gap within a session."""


def frequency(events: Events, now: float) -> Values:
    """How many orders, events and days with events."""
    every = [(event.at, 1.0) for event in events]
    orders = [(order.at, 1.0) for order in named(events, ORDER)]
    days = {day(event.at) for event in events}
    return {
        "orders_total": len(orders),
        **{f"orders_{span}d": window(orders, span, now) for span in WINDOWS},
        "active_days_total": len(days),
        **{
            f"active_days_{span}d": sum(in_days(each * DAY, 0, span - 1, now) for each in days)
            for span in WINDOWS
        },
        "events_total": len(events),
        **{f"events_{span}d": window(every, span, now) for span in (7, 30, 90)},
        "events_trend_7d": trend(every, 7, 28, now),
        "events_trend_30d": trend(every, 30, 90, now),
        "orders_trend_7d": trend(orders, 7, 28, now),
        "orders_trend_30d": trend(orders, 30, 90, now),
    }


def tenure(events: Events, now: float) -> Values:
    """Since when the customer is known."""
    return {"tenure_days": (now - min((event.at for event in events), default=math.nan)) / DAY}


def calendar(events: Events, now: float) -> Values:  # noqa: ARG001 (every formula has this form)
    """When in the day and the week events happen, UTC."""
    quarters = [math.floor(event.at % DAY / 3600) // 6 for event in events]
    weekend = [(day(event.at) + 3) % 7 >= 5 for event in events]  # 1970-01-01 was a Thursday
    parts = ("night", "morning", "afternoon", "evening")
    return {
        **{f"{part}_share": share(quarters.count(nth), len(events)) for nth, part in enumerate(parts)},
        "weekend_share": share(sum(weekend), len(events)),
    }


def session(events: Events, now: float) -> Values:
    """Runs of browsing without a pause of more than half an hour."""
    runs = _runs(named(events, *BROWSING))
    starts = [(run[0].at, 1.0) for run in runs]
    return {
        "sessions_total": len(runs),
        **{f"sessions_{span}d": window(starts, span, now) for span in WINDOWS},
        "session_depth_mean": mean([len(run) for run in runs]),
        "session_length_mean_minutes": mean([(run[-1].at - run[0].at) / 60 for run in runs]),
        "session_single_share": share(sum(len(run) == 1 for run in runs), len(runs)),
    }


def _runs(events: list[Event]) -> list[list[Event]]:
    runs = [events[:1]] if events else []
    for earlier, later in pairwise(events):
        if later.at - earlier.at > PAUSE:
            runs.append([])
        runs[-1].append(later)
    return runs
