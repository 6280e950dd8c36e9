"""Engagement: what was sent to the customer on each channel, what they opened and clicked, and when.

>>> def heard(name, hour):
...     return Event(f"m{hour}", "c", name, hour * 3600.0)
>>> state = State()
>>> for hour, name in ((1, "Email Delivered"), (2, "Email Delivered"), (3, "SMS Delivered")):
...     update(state, heard(name, hour))
>>> for hour, name in ((27, "Email Opened"), (28, "Email Link Clicked"), (29, "Unsubscribed")):
...     update(state, heard(name, hour))
>>> named = dict(zip(VALUES, value(state, now=52 * 3600.0), strict=True))
>>> [named[name] for name in ("email_sent", "email_open_rate", "email_answer_rate", "email_answer_days")]
[2.0, 0.5, 0.5, 1.0]
>>> [named[name] for name in ("sms_answer_rate", "best_channel", "best_hour", "unsubscribes_total")]
[0.0, 0.0, 99.0, 1.0]
"""

import math
from operator import add

import msgspec

from ebbtide.domain.event import Event
from features.signals.daily import DAY

SENT = 0
CHANNELS: dict[str, tuple[str, str | None, str]] = {
    "email": ("Email Delivered", "Email Opened", "Email Link Clicked"),
    "push": ("Push Notification Received", None, "Push Notification Tapped"),
    "sms": ("SMS Delivered", None, "SMS Link Clicked"),
    "web": ("Promotion Viewed", None, "Promotion Clicked"),
    "in_app": ("In-App Message Received", "In-App Message Opened", "In-App Message Clicked"),
}
"""The events of each channel: sent, opened (if it is known), clicked."""
_WITH_OPENS = tuple(opened is not None for _, opened, _ in CHANNELS.values())
_COUNTED = [
    (name, channel, step)
    for channel, names in enumerate(CHANNELS.values())
    for step, name in enumerate(names)
    if name
]
_PLACES = {
    name: (place, None if step == SENT else channel) for place, (name, channel, step) in enumerate(_COUNTED)
}
"""Of each event the place of its count; of an answer its channel too."""
UNSUBSCRIBED = "Unsubscribed"
EVENTS = frozenset({*_PLACES, UNSUBSCRIBED})
PRIOR_SENT, PRIOR_CLICKED = 10.0, 1.0
"""Channels are compared as if ten more messages had been sent on each, and one clicked."""
WEEK = 168
_FIRST_HOUR = 72
"""1970-01-01 was a Thursday: its first hour is the 72nd of the week."""


def _described(channel: str, opens: bool) -> dict[str, str]:
    kind = channel.replace("_", "-")
    told = {f"{channel}_sent": f"count: {kind} messages that reached the customer, ever"}
    if opens:
        told[f"{channel}_opened"] = f"count: {kind} messages opened, ever"
    told[f"{channel}_clicked"] = f"count: {kind} messages clicked, ever"
    if opens:
        told[f"{channel}_open_rate"] = f"ratio: {kind} messages opened over those that reached the customer"
    told[f"{channel}_answer_rate"] = f"ratio: {kind} messages clicked over those that reached the customer"
    told[f"{channel}_answer_days"] = f"days: since the last open or click of {kind} messages"
    return told


VALUES = {
    name: text
    for channel, opens in zip(CHANNELS, _WITH_OPENS, strict=True)
    for name, text in _described(channel, opens).items()
} | {
    "best_channel": "channel: 0 email, 1 push, 2 sms, 3 web, 4 in-app; the one with the best rate of clicks",
    "best_hour": "hour: of the week (UTC, 0 is Monday 00:00) of most opens and clicks, those beside it half",
    "unsubscribes_total": "count: times unsubscribed ever",
}


class State(msgspec.Struct, array_like=True, gc=False):
    """Counts in the order of `CHANNELS`, each one's last answer (Unix seconds), answers per hour of the week.

    1.3 kB at most.
    """

    counts: list[int] = msgspec.field(default_factory=lambda: [0] * len(_PLACES))
    answered: list[float | None] = msgspec.field(default_factory=lambda: [None] * len(CHANNELS))
    hours: dict[int, int] = {}
    best_hour: int | None = None
    unsubscribes: int = 0


def update(state: State, event: Event) -> None:
    """Count a message, or what the customer did with it."""
    if event.name == UNSUBSCRIBED:
        state.unsubscribes += 1
        return
    place, answers = _PLACES[event.name]
    state.counts[place] += 1
    if answers is not None:
        _answer(state, (int(event.at // 3600) + _FIRST_HOUR) % WEEK, 1)
        state.answered[answers] = _later(state.answered[answers], event.at)


def _answer(state: State, hour: int, answers: int) -> None:
    """Count answers in an hour, which may become the best of the week, or make one beside it the best.

    The best has most answers, those beside it half; of equal ones it is the first. None gets worse.
    """
    hours = state.hours
    hours[hour] = hours.get(hour, 0) + answers
    for each in (hour, (hour - 1) % WEEK, (hour + 1) % WEEK):
        if each in hours and (state.best_hour is None or _rank(hours, each) > _rank(hours, state.best_hour)):
            state.best_hour = each


def _rank(hours: dict[int, int], hour: int) -> tuple[int, int]:
    beside = hours.get((hour - 1) % WEEK, 0) + hours.get((hour + 1) % WEEK, 0)
    return (2 * hours[hour] + beside, -hour)


def _later(known: float | None, at: float | None) -> float | None:
    return max(known, at) if known is not None and at is not None else at if known is None else known


def merge(state: State, other: State) -> None:
    """Add another part of the history."""
    state.counts = list(map(add, state.counts, other.counts))
    state.answered = list(map(_later, state.answered, other.answered))
    for hour, answers in other.hours.items():
        _answer(state, hour, answers)
    state.unsubscribes += other.unsubscribes


def value(state: State, now: float) -> tuple[float, ...]:
    """Counts, rates (NaN where nothing was sent) and days per channel; best channel, best hour."""
    email, email_opened, email_clicked, push, push_clicked, sms, sms_clicked, *others = map(
        float, state.counts
    )
    web, web_clicked, in_app, in_app_opened, in_app_clicked = others
    email_at, push_at, sms_at, web_at, in_app_at = state.answered
    nan = math.nan
    # Of equal rates the first counts.
    rates = (
        (email_clicked + PRIOR_CLICKED) / (email + PRIOR_SENT),
        (push_clicked + PRIOR_CLICKED) / (push + PRIOR_SENT),
        (sms_clicked + PRIOR_CLICKED) / (sms + PRIOR_SENT),
        (web_clicked + PRIOR_CLICKED) / (web + PRIOR_SENT),
        (in_app_clicked + PRIOR_CLICKED) / (in_app + PRIOR_SENT),
    )
    return (
        email,
        email_opened,
        email_clicked,
        email_opened / email if email else nan,
        email_clicked / email if email else nan,
        nan if email_at is None else (now - email_at) / DAY,
        push,
        push_clicked,
        push_clicked / push if push else nan,
        nan if push_at is None else (now - push_at) / DAY,
        sms,
        sms_clicked,
        sms_clicked / sms if sms else nan,
        nan if sms_at is None else (now - sms_at) / DAY,
        web,
        web_clicked,
        web_clicked / web if web else nan,
        nan if web_at is None else (now - web_at) / DAY,
        in_app,
        in_app_opened,
        in_app_clicked,
        in_app_opened / in_app if in_app else nan,
        in_app_clicked / in_app if in_app else nan,
        nan if in_app_at is None else (now - in_app_at) / DAY,
        float(rates.index(max(rates))) if email or push or sms or web or in_app else nan,
        nan if state.best_hour is None else float(state.best_hour),
        float(state.unsubscribes),
    )
