"""Feedback: scores of surveys, reviews, tickets, and the sentiment of what was written.

>>> from ebbtide.domain.event import Properties
>>> def told(name, day, **properties):
...     return Event(f"m{day}", "c", name, day * 86_400.0, Properties(**properties))
>>> state = State()
>>> update(state, told("NPS Submitted", 1, score=9.0))
>>> update(state, told("NPS Submitted", 3, score=6.0, comment="Late again, and rude."))
>>> update(state, told("Ticket Opened", 4, ticket_id="t"))
>>> named = dict(zip(VALUES, value(state, now=5 * 86_400.0), strict=True))
>>> [named[name] for name in ("nps_last", "nps_days", "nps_mean", "nps_detractor", "tickets_open")]
[6.0, 2.0, 7.5, 1.0, 1.0]
>>> named["sentiment_last"]
-0.4588
"""

import math

import msgspec

from ebbtide.domain.event import Event
from features.signals.daily import DAY
from features.signals.latest import NEVER, Latest
from features.signals.sentiment import sentiment
from features.signals.tickets import Tickets

SURVEYS = {"NPS Submitted": "nps", "CSAT Submitted": "csat", "CES Submitted": "ces"}
REVIEW, OPENED, RESOLVED = "Review Submitted", "Ticket Opened", "Ticket Resolved"
EVENTS = frozenset({*SURVEYS, REVIEW, OPENED, RESOLVED})
DETRACTOR = 6.0
"""Highest score of a detractor: Reichheld, "The One Number You Need to Grow", HBR 81 (12), 2003."""
VALUES = {
    "nps_last": "score: of the last NPS survey, usually 0 to 10",
    "nps_days": "days: since the last NPS survey",
    "nps_mean": "score: mean of the NPS surveys",
    "nps_detractor": "0 or 1: whether the last NPS score is 6 or less",
    "csat_last": "score: of the last CSAT survey, on your scale",
    "csat_days": "days: since the last CSAT survey",
    "csat_mean": "score: mean of the CSAT surveys",
    "ces_last": "score: of the last CES survey, on your scale",
    "ces_days": "days: since the last CES survey",
    "ces_mean": "score: mean of the CES surveys",
    "tickets_open": "count: tickets opened and not resolved since",
    "tickets_total": "count: tickets opened ever",
    "ticket_resolution_hours_mean": "hours: mean time from opening to resolution of a ticket",
    "ticket_first_contact_share": "ratio: tickets resolved at the first contact over tickets resolved",
    "review_last": "score: rating of the last review, on your scale",
    "reviews_total": "count: reviews ever",
    "sentiment_last": "-1 to 1: sentiment of the last text",
    "sentiment_mean": "-1 to 1: mean sentiment of the texts",
}


class Scores(msgspec.Struct, array_like=True, gc=False):
    """Scores of one kind: the newest with its time, how many, their sum."""

    last: Latest = NEVER
    count: int = 0
    total: float = 0.0

    def add(self, at: float, score: float) -> None:
        """Add a score."""
        self.merge(Scores(Latest(at, score), 1, score))

    def merge(self, other: "Scores") -> None:
        """Add the scores of another part of the history."""
        self.last = max(self.last, other.last)
        self.count += other.count
        self.total += other.total

    def mean(self) -> float:
        """Mean score; NaN before the first."""
        return self.total / self.count if self.count else math.nan


class State(msgspec.Struct, array_like=True, gc=False):
    """Scores by kind (`nps`, `csat`, `ces`, `review`, `sentiment`), reviews, tickets; 2.5 kB at most."""

    scores: dict[str, Scores] = {}
    reviews: int = 0
    tickets: Tickets = msgspec.field(default_factory=Tickets)


def update(state: State, event: Event) -> None:
    """Take up a score, a ticket (if it has an id) and the words that came with it."""
    name, at, properties = event.name, event.at, event.properties
    ticket = None if properties.ticket_id is None else str(properties.ticket_id)
    if name == REVIEW:
        state.reviews += 1
        _score(state, "review", at, properties.rating)
    elif name == OPENED:
        if ticket is not None:
            state.tickets.note(ticket, opened=at)
    elif name == RESOLVED:
        if ticket is not None:
            state.tickets.note(ticket, resolved=at, first_contact=properties.first_contact is True)
    else:
        _score(state, SURVEYS[name], at, properties.score)
    text = properties.comment or properties.review_body
    if text:
        _score(state, "sentiment", at, sentiment(text))


def _score(state: State, kind: str, at: float, score: float | None) -> None:
    if score is not None:
        state.scores.setdefault(kind, Scores()).add(at, score)


def merge(state: State, other: State) -> None:
    """Add another part of the history."""
    for kind, scores in other.scores.items():
        state.scores.setdefault(kind, Scores()).merge(scores)
    state.reviews += other.reviews
    state.tickets.merge(other.tickets)


_NONE = Scores()


def value(state: State, now: float) -> tuple[float, ...]:
    """Scores, tickets, reviews and sentiment; NaN where nothing was said."""
    find = state.scores.get
    nps, review, words = find("nps", _NONE), find("review", _NONE), find("sentiment", _NONE)
    tickets = state.tickets.sums()
    return (
        *_survey(nps, now),
        float(nps.last.value <= DETRACTOR) if nps.count else math.nan,
        *_survey(find("csat", _NONE), now),
        *_survey(find("ces", _NONE), now),
        float(tickets.open),
        float(tickets.opened),
        tickets.hours / tickets.closed if tickets.closed else math.nan,
        tickets.first_contact / tickets.resolved if tickets.resolved else math.nan,
        review.last.value,
        float(state.reviews),
        words.last.value,
        words.mean(),
    )


def _survey(scores: Scores, now: float) -> tuple[float, float, float]:
    if not scores.count:
        return (math.nan, math.nan, math.nan)
    last = scores.last
    return (last.value, (now - last.at) / DAY, scores.total / scores.count)
