"""Consent: which channels the customer lets be used, and for what; and the time zone that they live in.

Every word is kept by `channel:purpose`, `*` for any, with the time of the newest; of one time a refusal
counts. The purpose of a category of Segment's consent object is its name in lower case; Segment's and
OneTrust's names for marketing are taken as such.

>>> state = State()
>>> update(state, Event("1", "c", "identify", 10.0, traits={"emailConsent": True, "timeZone": "Asia/Tokyo"}))
>>> update(state, Event("2", "c", "Unsubscribed", 20.0))
>>> value(state, now=30.0)[0], reach(state).time_zone
(0.0, 'Asia/Tokyo')
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ebbtide.domain.contact import ANY, Reach
from ebbtide.domain.event import Event

EVENTS = None
CHANNELS = {"email": "e-mail", "push": "push messages", "sms": "text messages", "call": "calls"}
"""The channels of which a model sees the consent."""
VALUES = {
    f"{channel}_consent": f"0 or 1: whether the customer lets {name} be used for marketing"
    for channel, name in CHANNELS.items()
}
MARKETING = "marketing"
KEEP, LETTERS = 32, 64
"""Words kept, the newest, and letters of a purpose or a time zone."""
UNSAID, YES, NO = 0, 1, 2
"""What a word says; the highest of one time counts."""

_REFUSING = frozenset({"Unsubscribed", "Email Marked as Spam"})
_SAYS: dict[object, int] = {
    **dict.fromkeys(("true", "yes", "optedin", "optin", "granted", "allowed", "1"), YES),
    **dict.fromkeys(("false", "no", "optedout", "optout", "unsubscribed", "denied", "refused", "0"), NO),
    "subscribed": UNSAID,  # as many systems call everyone who never said no
}
_AGAIN = {YES: NO, NO: UNSAID, UNSAID: UNSAID}
"""What a word on being unsubscribed says of being spoken to."""
_NAMES = {
    "email": "email",
    "push": "push",
    "sms": "sms",
    "call": "call",
    "phone": "call",
    "web": "web",
    "inapp": "in_app",
}
_FLAT = {
    f"{name}{ending}": (f"{channel}:{ANY}", again)
    for name, channel in _NAMES.items()
    for endings, again in (
        (("consent", "optin", "subscribe", "subscribed"), False),
        (("optout", "unsubscribed"), True),
    )
    for ending in endings
} | {"unsubscribed": (f"{ANY}:{ANY}", True)}
"""The key of a word and whether it speaks of being unsubscribed, by the trait's name without its style."""
_ZONE = "timezone"
_ALIASES = {"advertising": MARKETING, "targeting": MARKETING}

Word = tuple[float, int]
"""When (Unix seconds) and what."""


class State(msgspec.Struct, array_like=True, gc=False):
    """The words by `channel:purpose` and the time zone; 5 kB at most, nothing as a rule."""

    words: dict[str, Word] = {}
    zone: tuple[float, str] | None = None


def update(state: State, event: Event) -> None:
    """Take what the event says of consent and time zone."""
    context, traits, at = event.context, event.traits, event.at
    if context is not None:
        if context.timezone:
            _settle(state, (at, context.timezone))
        if context.consent is not None:
            for category, allowed in context.consent.category_preferences.items():
                _say(state, f"{ANY}:{_purpose(category)}", (at, YES if allowed else NO))
    if event.name in _REFUSING:
        _say(state, f"email:{ANY}", (at, NO))
    for name, given in (traits or {}).items():
        plain = _plain(name)
        if plain == _ZONE and isinstance(given, str) and given:
            _settle(state, (at, given))
        for key, word in _words(plain, given):
            _say(state, key, (at, word))


def _words(trait: str, given: Any) -> Iterator[tuple[str, int]]:
    """The words in a trait, by `channel:purpose`."""
    if trait == "consent" and isinstance(given, dict):
        yield from _by_channel(given)
    elif trait in _FLAT and (word := _SAYS.get(_plain(given))) is not None:
        key, again = _FLAT[trait]
        yield key, _AGAIN[word] if again else word


def _by_channel(given: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for name, told in given.items():
        channel = _NAMES.get(_plain(name))
        if isinstance(told, dict) and channel:
            for purpose, one in told.items():
                if (word := _SAYS.get(_plain(one))) is not None:
                    yield f"{channel}:{_purpose(purpose)}", word
        elif (word := _SAYS.get(_plain(told))) is not None:
            yield (f"{channel}:{ANY}" if channel else f"{ANY}:{_purpose(name)}"), word


def _plain(text: object) -> str:
    """A name or a value without its style: `emailConsent`, `email_consent` and `Email Consent` are one."""
    return re.sub(r"[^a-z0-9]", "", str(text)[:LETTERS].lower())


def _purpose(text: str) -> str:
    """A purpose as policies write it, in lower case with underscores."""
    plain = re.sub(r"[^a-z0-9]+", "_", text[:LETTERS].lower()).strip("_")
    return _ALIASES.get(plain, plain)


def _say(state: State, key: str, word: Word) -> None:
    words = state.words
    known = words.get(key)
    if known is None or word > known:
        words[key] = word
    if len(words) > KEEP:
        del words[min(words, key=lambda each: (words[each], each))]


def _settle(state: State, seen: tuple[float, str]) -> None:
    seen = (seen[0], seen[1][:LETTERS])
    if state.zone is None or seen > state.zone:
        state.zone = seen


def merge(state: State, other: State) -> None:
    """Take up another part of the history."""
    for key, word in other.words.items():
        _say(state, key, word)
    if other.zone is not None:
        _settle(state, other.zone)


def reach(state: State) -> Reach:
    """What the customer said of being spoken to."""
    told = {key: (at, word == YES) for key, (at, word) in state.words.items() if word != UNSAID}
    return Reach(told, None if state.zone is None else state.zone[1])


_SILENT = (math.nan,) * len(CHANNELS)


def value(state: State, now: float) -> tuple[float, ...]:  # noqa: ARG001 (every signal has this form)
    """1 or 0 per channel; NaN where nothing was said."""
    if not state.words:
        return _SILENT
    told = reach(state)
    found = (told.allows(channel, MARKETING) for channel in CHANNELS)
    return tuple(math.nan if allowed is None else float(allowed) for allowed in found)
