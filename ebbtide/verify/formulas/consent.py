"""Whether the customer lets themselves be spoken to: consent to marketing, by channel."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ebbtide.domain.event import Event
from ebbtide.verify.formulas.common import Events, Values

CHANNELS = ("email", "push", "sms", "call")
YES = {"true", "yes", "opted in", "opt in", "granted", "allowed", "1"}
NO = {"false", "no", "opted out", "opt out", "unsubscribed", "denied", "refused", "0"}
MARKETING = ("marketing", "advertising", "targeting")
KEPT = 32
"""Words that count at most, the newest."""

Word = tuple[float, int, str, str]
"""When; 2 for a refusal, 1 for a yes, 0 for one taken back; channel and purpose, `*` for all."""


def consent(events: Events, now: float) -> Values:  # noqa: ARG001 (every formula has this form)
    """1 where the newest word on marketing by a channel is a yes, 0 where it is a no."""
    newest: dict[tuple[str, str], Word] = {}
    for word in sorted(word for event in events for word in _words(event)):
        newest[word[2:]] = word
    kept = dict(sorted(newest.items(), key=lambda each: (each[1][:2], ":".join(each[0])))[-KEPT:])
    banner = kept.get(("*", "marketing"))
    found: Values = {}
    for channel in CHANNELS:
        keys = ((channel, "marketing"), (channel, "*"), ("*", "*"))
        told = [kept[key] for key in keys if key in kept and kept[key][1] > (key == ("*", "*"))]
        refused = banner is not None and banner[1] == 2
        newest_word = max((word[:2] for word in told), default=None)
        found[f"{channel}_consent"] = (
            0.0 if refused else math.nan if newest_word is None else float(newest_word[1] == 1)
        )
    return found


def _words(event: Event) -> Iterable[Word]:
    if event.name in ("Unsubscribed", "Email Marked as Spam"):
        yield (event.at, 2, "email", "*")
    if event.context is not None and event.context.consent is not None:
        for category, allowed in event.context.consent.category_preferences.items():
            yield (event.at, 1 if allowed else 2, "*", _purpose(category))
    for name, given in (event.traits or {}).items():
        trait = _letters(name)
        if trait == "consent" and isinstance(given, Mapping):
            for key, told in given.items():
                yield from _of_consent(event.at, key, told)
        elif trait == "unsubscribed":
            yield from _reversed(event.at, given, "*")
        else:
            yield from _of_channel(event.at, trait, given)


def _of_channel(at: float, trait: str, given: Any) -> Iterable[Word]:
    for start, channel in _channels().items():
        ending = trait.removeprefix(start)
        if trait.startswith(start) and ending in ("consent", "optin", "subscribe", "subscribed"):
            yield from _straight(at, given, channel, "*")
        elif trait.startswith(start) and ending in ("optout", "unsubscribed"):
            yield from _reversed(at, given, channel)


def _of_consent(at: float, key: str, told: Any) -> Iterable[Word]:
    channel = _channels().get(_letters(key))
    if channel is None:
        yield from _straight(at, told, "*", _purpose(key))
    elif isinstance(told, Mapping):
        for purpose, one in told.items():
            yield from _straight(at, one, channel, _purpose(purpose))
    else:
        yield from _straight(at, told, channel, "*")


def _straight(at: float, given: Any, channel: str, purpose: str) -> Iterable[Word]:
    text = _letters(given)
    if text in {_letters(yes) for yes in YES}:
        yield (at, 1, channel, purpose)
    elif text in {_letters(no) for no in NO}:
        yield (at, 2, channel, purpose)
    elif text == "subscribed":
        yield (at, 0, channel, purpose)


def _reversed(at: float, given: Any, channel: str) -> Iterable[Word]:
    for _, said, *_ in _straight(at, given, channel, "*"):
        yield (at, 2 if said == 1 else 0, channel, "*")


def _channels() -> dict[str, str]:
    same = {name: name for name in ("email", "push", "sms", "call", "web")}
    return {**same, "phone": "call", "inapp": "in_app"}


def _letters(text: Any) -> str:
    return "".join(
        letter for letter in str(text)[:64].lower() if letter in "abcdefghijklmnopqrstuvwxyz0123456789"
    )


def _purpose(text: str) -> str:
    known = "abcdefghijklmnopqrstuvwxyz0123456789"
    spaced = "".join(letter if letter in known else " " for letter in text[:64].lower())
    purpose = "_".join(spaced.split())
    return "marketing" if purpose in MARKETING else purpose
