"""What the house says and what comes back: engagement, feedback."""

import functools
import math
from collections import Counter
from typing import Any

from ebbtide.domain.event import Event
from ebbtide.verify.formulas.common import Events, Values, age_days, mean, named, newest, share

CHANNELS = {
    "email": ("Email Delivered", "Email Opened", "Email Link Clicked"),
    "push": ("Push Notification Received", None, "Push Notification Tapped"),
    "sms": ("SMS Delivered", None, "SMS Link Clicked"),
    "web": ("Promotion Viewed", None, "Promotion Clicked"),
    "in_app": ("In-App Message Received", "In-App Message Opened", "In-App Message Clicked"),
}
"""Sent, opened, clicked."""
SURVEYS = {"nps": "NPS Submitted", "csat": "CSAT Submitted", "ces": "CES Submitted"}
OPENED, RESOLVED, REVIEW = "Ticket Opened", "Ticket Resolved", "Review Submitted"
DETRACTOR = 6
WEEK = 168
"""Hours."""


def engagement(events: Events, now: float) -> Values:
    """What each channel sent and what was answered; the best channel and the best hour of the week."""
    found: Values = {}
    scores: list[float] = []
    answers: list[float] = []
    for channel, (sent_name, opened_name, clicked_name) in CHANNELS.items():
        sent, clicked = named(events, sent_name), named(events, clicked_name)
        opened = named(events, opened_name) if opened_name else []
        answered = [event.at for event in (*opened, *clicked)]
        found[f"{channel}_sent"] = len(sent)
        found[f"{channel}_clicked"] = len(clicked)
        found[f"{channel}_answer_rate"] = share(len(clicked), len(sent))
        found[f"{channel}_answer_days"] = age_days(answered, now)
        if opened_name:
            found[f"{channel}_opened"] = len(opened)
            found[f"{channel}_open_rate"] = share(len(opened), len(sent))
        scores.append((len(clicked) + 10 * 0.1) / (len(sent) + 10))
        answers += answered
    any_sent = any(found[f"{channel}_sent"] for channel in CHANNELS)
    return {
        **found,
        "best_channel": scores.index(max(scores)) if any_sent else math.nan,
        "best_hour": _best_hour(answers),
        "unsubscribes_total": len(named(events, "Unsubscribed")),
    }


def _best_hour(answers: list[float]) -> float:
    """The hour of the week (0: Monday 00:00 UTC) with most answers, if it has any, its neighbours half."""
    if not answers:
        return math.nan
    hours = Counter(math.floor(at / 3600 + 3 * 24) % WEEK for at in answers)  # 1970-01-01 was a Thursday
    scores = {h: hours[h] + 0.5 * (hours[(h - 1) % WEEK] + hours[(h + 1) % WEEK]) for h in range(WEEK)}
    return min(hours, key=lambda hour: (-scores[hour], hour))


def feedback(events: Events, now: float) -> Values:
    """Surveys, tickets, reviews, and the mood of what was written."""
    found: Values = {}
    for survey, name in SURVEYS.items():
        given = [(event.at, event.properties.score) for event in named(events, name)]
        scores = [(at, float(score)) for at, score in given if score is not None]
        found[f"{survey}_last"] = newest(scores)
        found[f"{survey}_days"] = age_days((at for at, _ in scores), now)
        found[f"{survey}_mean"] = mean([score for _, score in scores])
    last = found["nps_last"]
    reviews = named(events, REVIEW)
    ratings = [(event.at, event.properties.rating) for event in reviews]
    written = named(events, *SURVEYS.values(), OPENED, RESOLVED, REVIEW)
    moods = [(event.at, sentiment(text)) for event in written if (text := _text(event))]
    return {
        **found,
        "nps_detractor": math.nan if math.isnan(last) else float(last <= DETRACTOR),
        **_tickets(events),
        "review_last": newest((at, rating) for at, rating in ratings if rating is not None),
        "reviews_total": len(reviews),
        "sentiment_last": newest(moods),
        "sentiment_mean": mean([mood for _, mood in moods]),
    }


def _tickets(events: Events) -> Values:
    opened = {_ticket(event): event.at for event in named(events, OPENED)}
    resolved = {_ticket(event): event for event in named(events, RESOLVED)}
    hours = [(event.at - opened[id_]) / 3600 for id_, event in resolved.items() if id_ in opened]
    return {
        "tickets_open": sum(not (id_ in resolved and resolved[id_].at >= at) for id_, at in opened.items()),
        "tickets_total": len(opened),
        "ticket_resolution_hours_mean": mean([each for each in hours if each >= 0]),
        "ticket_first_contact_share": share(
            sum(event.properties.first_contact is True for event in resolved.values()), len(resolved)
        ),
    }


def _ticket(event: Event) -> str:
    return str(event.properties.ticket_id)


def _text(event: Event) -> str | None:
    return event.properties.comment or event.properties.review_body


@functools.lru_cache(maxsize=10_000)
def sentiment(text: str) -> float:
    """VADER's compound score of a text, -1 to 1."""
    return float(_analyzer().polarity_scores(text)["compound"])


@functools.cache
def _analyzer() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()
