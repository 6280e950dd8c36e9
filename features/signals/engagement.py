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

import msgspec

from ebbtide.domain.event import Event
from features.signals.daily import DAY

SENT, OPENED, CLICKED = range(3)
CHANNELS: dict[str, tuple[str, str | None, str]] = {
    "email": ("Email Delivered", "Email Opened", "Email Link Clicked"),
    "push": ("Push Notification Received", None, "Push Notification Tapped"),
    "sms": ("SMS Delivered", None, "SMS Link Clicked"),
    "web": ("Promotion Viewed", None, "Promotion Clicked"),
    "in_app": ("In-App Message Received", "In-App Message Opened", "In-App Message Clicked"),
}
"""The events of each channel: sent, opened (if it is known), clicked."""
_STEPS = {
    name: (channel, step)
    for channel, names in enumerate(CHANNELS.values())
    for step, name in enumerate(names)
    if name
}
_WITH_OPENS = tuple(opened is not None for _, opened, _ in CHANNELS.values())
UNSUBSCRIBED = "Unsubscribed"
EVENTS = frozenset({*_STEPS, UNSUBSCRIBED})
PRIOR_SENT, PRIOR_RATE = 10.0, 0.1
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


class Channel(msgspec.Struct, array_like=True, gc=False):
    """Messages sent, opened and clicked, and when the last open or click was (Unix seconds; -inf: never)."""

    counts: list[int] = msgspec.field(default_factory=lambda: [0, 0, 0])
    answered_at: float = -math.inf


class State(msgspec.Struct, array_like=True, gc=False):
    """What was counted per channel, answers per hour of the week, unsubscriptions; 800 bytes at most."""

    channels: dict[int, Channel] = {}
    hours: dict[int, int] = {}
    unsubscribes: int = 0


def update(state: State, event: Event) -> None:
    """Count a message, or what the customer did with it."""
    if event.name == UNSUBSCRIBED:
        state.unsubscribes += 1
        return
    index, step = _STEPS[event.name]
    channel = state.channels.get(index)
    if channel is None:
        channel = state.channels[index] = Channel()
    channel.counts[step] += 1
    if step != SENT:
        hour = (int(event.at // 3600) + _FIRST_HOUR) % WEEK
        state.hours[hour] = state.hours.get(hour, 0) + 1
        channel.answered_at = max(channel.answered_at, event.at)


def merge(state: State, other: State) -> None:
    """Add another part of the history."""
    for index, added in other.channels.items():
        channel = state.channels.setdefault(index, Channel())
        channel.counts = [mine + theirs for mine, theirs in zip(channel.counts, added.counts, strict=True)]
        channel.answered_at = max(channel.answered_at, added.answered_at)
    for hour, answers in other.hours.items():
        state.hours[hour] = state.hours.get(hour, 0) + answers
    state.unsubscribes += other.unsubscribes


_NOTHING = ((0.0, 0.0, math.nan, math.nan), (0.0, 0.0, 0.0, math.nan, math.nan, math.nan))
"""What a channel says on which nothing was sent, without and with opens."""


def value(state: State, now: float) -> tuple[float, ...]:
    """Counts, rates (NaN where nothing was sent) and days per channel; best channel, best hour."""
    found: list[float] = []
    rates: list[float] = []
    any_sent = 0
    for index, opens in enumerate(_WITH_OPENS):
        channel = state.channels.get(index)
        if channel is None:
            found += _NOTHING[opens]
            rates.append(PRIOR_RATE)
            continue
        sent, opened, clicked = channel.counts
        any_sent += sent
        rates.append((clicked + PRIOR_SENT * PRIOR_RATE) / (sent + PRIOR_SENT))
        clicks = clicked / sent if sent else math.nan
        days = (now - channel.answered_at) / DAY if channel.answered_at > -math.inf else math.nan
        if opens:
            opening = opened / sent if sent else math.nan
            found += (float(sent), float(opened), float(clicked), opening, clicks, days)
        else:
            found += (float(sent), float(clicked), clicks, days)
    best_channel = float(rates.index(max(rates))) if any_sent else math.nan
    return (*found, best_channel, _best_hour(state.hours), float(state.unsubscribes))


def _best_hour(hours: dict[int, int]) -> float:
    """Of the hours with an answer the one with most, those beside it half; of equal ones the first."""
    best, found = 0, math.nan
    for hour, answers in hours.items():
        beside = hours.get((hour - 1) % WEEK, 0) + hours.get((hour + 1) % WEEK, 0)
        score = 2 * answers + beside
        if score > best or (score == best and hour < found):
            best, found = score, float(hour)
    return found
