"""Who the customer is and how they pay: context, subscription."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime

from ebbtide.domain.event import Event
from ebbtide.verify.formulas.common import DAY, Events, Values, crc, named, newest

STARTED, UPDATED, RENEWED = "Subscription Started", "Subscription Updated", "Subscription Renewed"
CANCELLED, ASKED = "Subscription Cancelled", "Cancellation Requested"
FAILED, PAID = "Payment Failed", "Payment Succeeded"
FAILURES = 16
"""Failures that count at most."""


def context(events: Events, now: float) -> Values:  # noqa: ARG001 (every formula has this form)
    """Country and device as last seen, and the channel that brought the customer, each as a code."""
    countries = [(event.at, text) for event in events if (text := _country(event))]
    devices = [(event.at, text) for event in events if (text := _device(event))]
    channels = [(-event.at, text) for event in events if (text := _channel(event))]  # the oldest counts
    return {
        "country_code": _code(newest(countries, "")),
        "device_code": _code(newest(devices, "")),
        "first_channel_code": _code(newest(channels, "")),
    }


def _country(event: Event) -> str | None:
    if event.context and event.context.location and event.context.location.country:
        return event.context.location.country
    traits = event.traits or {}
    address = traits.get("address")
    of_address = address.get("country") if isinstance(address, Mapping) else None
    country = of_address or traits.get("country")
    return country if isinstance(country, str) else None


def _device(event: Event) -> str | None:
    return event.context.device.type if event.context and event.context.device else None


def _channel(event: Event) -> str | None:
    campaign = event.context.campaign if event.context else None
    return (campaign.medium or campaign.source) if campaign else None


def _code(text: str) -> float:
    return float(crc(text) % 1000) if text else math.nan


def subscription(events: Events, now: float) -> Values:
    """The plan, its renewal, its payments, and whether it was cancelled."""
    own = named(events, STARTED, UPDATED, RENEWED, CANCELLED, ASKED, FAILED, PAID)
    dates = [(event.at, _moment(event.properties.renewal_date)) for event in own]
    renewals = [(at, date) for at, date in dates if date is not None]
    plans = [(event.at, event.properties.plan) for event in own if event.properties.plan]
    paid = _last(own, PAID, STARTED, RENEWED)
    failures = [event.at for event in named(own, FAILED) if event.at >= paid]
    asked, running = _last(own, ASKED, CANCELLED), _last(own, STARTED, RENEWED)
    alive, cancelled = _last(own, STARTED, RENEWED, UPDATED), _last(own, CANCELLED)
    return {
        "plan_code": _code(newest(plans, "")),
        "renewal_days": (newest(renewals) - now) / DAY,
        "payment_failures": min(len(failures), FAILURES),
        "cancellation_asked": float(asked > -math.inf and asked >= running) if own else math.nan,
        "subscribed": float(alive > cancelled) if own else math.nan,
    }


def _last(events: Events, *names: str) -> float:
    """The time of the newest of these events; minus infinity if there is none."""
    return max((event.at for event in named(events, *names)), default=-math.inf)


def _moment(given: str | float | None) -> float | None:
    """Unix seconds of an ISO 8601 time (UTC unless it says otherwise) or of Unix seconds."""
    if given is None or not isinstance(given, str):
        return given
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
