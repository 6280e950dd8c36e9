"""Context: where the customer is, what they use and what first brought them, as codes for a model.

>>> from ebbtide.domain.event import Campaign, Context, Device
>>> state = State()
>>> first = Context(campaign=Campaign(medium="email"), device=Device("ios"))
>>> update(state, Event("1", "c", "Page Viewed", 10.0, context=first))
>>> update(state, Event("2", "c", "identify", 20.0, traits={"address": {"country": "DE"}}))
>>> value(state, now=30.0) == (code("de"), code("ios"), code("email"))
True
"""

import math
from typing import Any

import msgspec

from ebbtide.domain.event import Context, Event
from features.signals.codes import code

EVENTS = None
VALUES = {
    "country_code": "code: of the country last seen, 0 to 999",
    "device_code": "code: of the type of device last seen, 0 to 999",
    "first_channel_code": "code: of the medium (else the source) of the first campaign, 0 to 999",
}
LETTERS = 64
"""Letters that are kept of a text."""


class Seen(msgspec.Struct, array_like=True, frozen=True, order=True, gc=False):
    """When (Unix seconds) and what."""

    at: float
    text: str


class State(msgspec.Struct, array_like=True, gc=False):
    """The newest country and device and the oldest channel, each with its time; 250 bytes, 50 as a rule."""

    country: Seen | None = None
    device: Seen | None = None
    channel: Seen | None = None


def update(state: State, event: Event) -> None:
    """Remember what the event says of its circumstances."""
    context, traits, at = event.context, event.traits, event.at
    if context is None and traits is None:
        return
    found = country(context, traits)
    if found:
        state.country = _newest(state.country, Seen(at, found[:LETTERS]))
    if context is None:
        return
    device, campaign = context.device, context.campaign
    if device is not None and device.type:
        state.device = _newest(state.device, Seen(at, device.type[:LETTERS]))
    if campaign is not None:
        channel = campaign.medium or campaign.source
        if channel:
            state.channel = _oldest(state.channel, Seen(at, channel[:LETTERS]))


def country(context: Context | None, traits: dict[str, Any] | None) -> str | None:
    """The country as the context, else the address, else the traits have it; None if it is no text."""
    if context is not None and context.location is not None and context.location.country:
        return context.location.country
    if traits is None:
        return None
    address = traits.get("address")
    found = (address.get("country") if isinstance(address, dict) else None) or traits.get("country")
    return found if isinstance(found, str) else None


def _newest(left: Seen | None, right: Seen | None) -> Seen | None:
    """The newer of two; of one time, the larger text."""
    if left is None or right is None:
        return left or right
    return max(left, right)


def _oldest(left: Seen | None, right: Seen | None) -> Seen | None:
    """The older of two; of one time, the larger text."""
    if left is None or right is None or left.at == right.at:
        return _newest(left, right)
    return min(left, right)


def merge(state: State, other: State) -> None:
    """Take up another part of the history."""
    state.country = _newest(state.country, other.country)
    state.device = _newest(state.device, other.device)
    state.channel = _oldest(state.channel, other.channel)


def value(state: State, now: float) -> tuple[float, ...]:  # noqa: ARG001 (every signal has this form)
    """The codes; NaN where nothing was said."""
    country, device, channel = state.country, state.device, state.channel
    return (
        math.nan if country is None else code(country.text),
        math.nan if device is None else code(device.text),
        math.nan if channel is None else code(channel.text),
    )
