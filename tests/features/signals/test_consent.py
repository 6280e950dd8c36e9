"""Consent is read from wherever Segment's senders put it, and the newest word counts."""

import json
import math
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.contact import Reach
from ebbtide.domain.event import ConsentGiven, Context, Event, decode
from ebbtide.verify.formulas.consent import consent as reference
from features import profile
from features.signals import consent

DOCS = Path(__file__).parents[3] / "docs" / "events.md"


def identify(at=0.0, **traits):
    return Event(f"{at}", "c", "identify", at, traits=traits)


def banner(at=0.0, **categories):
    return Event(f"{at}", "c", "page", at, context=Context(consent=ConsentGiven(categories)))


def reach(*events: Event) -> Reach:
    state = profile.new_state()
    for event in events:
        profile.update(state, event)
    return profile.reach(state)


def allows(*events, channel="email", purpose="marketing"):
    return reach(*events).allows(channel, purpose)


@pytest.mark.parametrize(
    ("traits", "channel", "allowed"),
    [
        ({"emailConsent": True}, "email", True),
        ({"email_consent": "granted"}, "email", True),
        ({"Email Opt In": 1}, "email", True),
        ({"sms_opt_in": "no"}, "sms", False),
        ({"push_subscribe": "opted_in"}, "push", True),
        ({"push_subscribe": "subscribed"}, "push", None),
        ({"push_subscribe": "unsubscribed"}, "push", False),
        ({"phoneOptIn": True}, "call", True),
        ({"inAppConsent": False}, "in_app", False),
        ({"email_opt_out": True}, "email", False),
        ({"email_opt_out": False}, "email", None),
        ({"unsubscribed": True}, "sms", False),
        ({"unsubscribed": False}, "sms", None),
        ({"consent": {"email": {"marketing": True}}}, "email", True),
        ({"consent": {"email": {"service": True}}}, "email", None),
        ({"consent": {"sms": True, "marketing": False}}, "sms", False),
        ({"emailConsent": "perhaps"}, "email", None),
        ({"emailConsent": None, "consent": "yes"}, "email", None),
        ({"email": "ada@example.com"}, "email", None),
    ],
)
def test_traits_are_read_in_any_style(traits, channel, allowed):
    assert allows(identify(**traits), channel=channel) is allowed


def test_the_newest_word_counts_in_whatever_order_words_come():
    yes, no = identify(1.0, emailConsent=True), Event("2", "c", "Unsubscribed", 2.0)
    assert allows(yes, no) is allows(no, yes) is False
    again = identify(3.0, email_opt_in=True)
    assert allows(again, no, yes) is True
    assert allows(yes, no, channel="sms") is None


def test_of_one_time_a_refusal_counts():
    assert allows(identify(emailConsent=True, email_opt_in=False)) is False
    assert allows(identify(emailConsent=True, unsubscribed=True)) is False


def test_a_category_that_is_refused_is_refused_on_all_channels_and_one_allowed_opens_none():
    assert allows(identify(1.0, sms_opt_in=True), banner(2.0, Advertising=False), channel="sms") is False
    assert allows(banner(2.0, Advertising=True), channel="sms") is None
    assert allows(banner(2.0, Analytics=False), identify(1.0, sms_opt_in=True), channel="sms") is True
    assert allows(banner(**{"Data Sharing": False}), purpose="data_sharing") is False


def test_the_time_zone_last_seen_counts():
    seen = Event("1", "c", "page", 5.0, context=Context(timezone="Asia/Tokyo"))
    assert reach(seen, identify(3.0, timezone="Europe/London")).time_zone == "Asia/Tokyo"
    assert reach(seen, identify(6.0, timeZone="Europe/London")).time_zone == "Europe/London"
    assert reach(identify(6.0, timezone=5)).time_zone is None


def test_the_reach_of_a_customer_not_seen_is_empty_and_a_state_read_back_keeps_it():
    assert profile.reach(profile.new_state()) == Reach()
    state = profile.new_state()
    profile.update(state, identify(2.0, smsConsent=True, timezone="UTC"))
    assert profile.reach(profile.decode(profile.encode(state))) == Reach({"sms:*": (2.0, True)}, "UTC")


def test_words_are_bounded_and_the_newest_stay():
    state = consent.State()
    for number in range(100):
        consent.update(state, banner(float(number), **{f"Purpose {number} {'x' * 200}": True}))
    assert len(state.words) == consent.KEEP
    assert len(msgspec.msgpack.encode(state)) < 5_000
    assert all(at >= 100 - consent.KEEP for at, _ in state.words.values())


WORDS = st.sampled_from([True, False, "granted", "opted_out", "subscribed", "odd", None, 1, 0])
NAMES = ("emailConsent", "email_opt_out", "SMS Opt In", "phone_subscribe", "unsubscribed", "pushUnsubscribed")
TRAITS = st.dictionaries(st.sampled_from(NAMES), WORDS, max_size=3) | st.fixed_dictionaries(
    {
        "consent": st.dictionaries(
            st.sampled_from(["email", "SMS", "marketing", "in_app"]),
            WORDS | st.dictionaries(st.sampled_from(["Marketing", "service"]), WORDS, max_size=2),
            max_size=3,
        )
    }
)
CATEGORIES = st.dictionaries(st.sampled_from(["Advertising", "Analytics", "Targeting"]), st.booleans())
EVENTS = st.lists(
    st.builds(identify, st.integers(0, 5).map(float))
    | st.builds(lambda at, traits: identify(at, **traits), st.integers(0, 5).map(float), TRAITS)
    | st.builds(lambda at, given: banner(at, **given), st.integers(0, 5).map(float), CATEGORIES)
    | st.builds(lambda at: Event("u", "c", "Unsubscribed", at), st.integers(0, 5).map(float)),
    max_size=12,
)


@given(EVENTS)
def test_the_signal_says_what_the_plain_formula_says(events):
    state = consent.State()
    for event in events:
        consent.update(state, event)
    found = dict(zip(consent.VALUES, consent.value(state, 10.0), strict=True))
    for name, value in reference(sorted(events, key=lambda each: each.at), 10.0).items():
        assert found[name] == value or (math.isnan(found[name]) and math.isnan(value)), name


def test_the_fields_in_the_docs_are_read():
    table = DOCS.read_text().partition("### Consent and time zone")[2].partition("### ")[0]
    fields = re.findall(r"`((?:traits|context)\.[A-Za-z.]+)`", table)
    assert len(fields) == 11
    for field in fields:
        part, _, name = field.partition(".")
        given = {
            "consent": {"email": False},
            "consent.categoryPreferences": {"Targeting": False},
            "timezone": "Asia/Tokyo",
        }.get(name, "OptOut" in name or "nsubscribed" in name)
        body: object = given
        for key in reversed(name.replace("CHANNEL", "email").split(".")):
            body = {key: body}
        call = {"type": "identify", "userId": "c", "messageId": "m", "timestamp": 1, part: body}
        found = reach(decode(json.dumps(call).encode()))
        assert found.time_zone == "Asia/Tokyo" or found.allows("email", "marketing") is False, field


@pytest.mark.parametrize(
    "misfit", [5, {"categoryPreferences": {"Ads": "perhaps"}}, {"categoryPreferences": [1]}]
)
def test_a_consent_object_that_is_none_does_not_refuse_the_event(misfit):
    call = {"type": "page", "userId": "c", "messageId": "m", "timestamp": 1, "context": {"consent": misfit}}
    assert decode(json.dumps(call).encode()).context.consent is None
