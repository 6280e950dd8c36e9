"""Why a churn probability is what it is, in the customer's terms.

The model's contributions (log-odds per signal) are added up by story: the signal file, since the values of
one file tell the same. The strongest stories that push the way the whole goes (riskier, or safer, than most
customers) are told, each by the sentence of its strongest value.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from string import Formatter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ebbtide.domain.decision import Reason
from features.catalog import DESCRIPTIONS, NAMES, SIGNALS
from models.explain.sentences import SENTENCES, STORIES, UNKNOWN

MOST = 3
CLAUSE = ", "
"""What parts the clauses of a sentence: a clause is told once per customer."""

_INDEX = {name: place for place, name in enumerate(NAMES)}
_STORY = {name: STORIES.get(name, file) for file, signal in SIGNALS.items() for name in signal.VALUES}
_PLACES: dict[str, list[int]] = {
    story: [_INDEX[name] for name in NAMES if _STORY[name] == story]
    for story in dict.fromkeys(_STORY.values())
}


def reasons(
    vector: Sequence[float], contributions: NDArray[np.float64], most: int = MOST
) -> tuple[Reason, ...]:
    """Tell the strongest reasons, strongest first.

    Args:
        vector: the signals' values in the order of `catalog.NAMES`; NaN is missing.
        contributions: of shape (signals + 1,), in log-odds, the base last, from `ChurnCurve.contributions`.
        most: how many reasons at most.
    """
    values = dict(zip(NAMES, vector, strict=True))
    direction = 1.0 if contributions[:-1].sum() >= 0 else -1.0
    pushes = direction * contributions
    weights = {story: float(pushes[places].sum()) for story, places in _PLACES.items()}
    strongest = sorted((story for story in weights if weights[story] > 0), key=lambda story: -weights[story])
    told: list[Reason] = []
    said: set[str] = set()
    for story in strongest:
        name = NAMES[max(_PLACES[story], key=lambda place: pushes[place])]
        clauses = [clause for clause in sentence(name, values).split(CLAUSE) if clause not in said]
        if clauses:  # else all of it was said for a stronger reason
            said.update(clauses)
            value = None if math.isnan(values[name]) else values[name]
            told.append(Reason(name, value, direction * weights[story], CLAUSE.join(clauses)))
    return tuple(told[:most])


def story(name: str) -> str:
    """The story that a value belongs to.

    >>> story("orders_90d"), story("cart_value")
    ('frequency', 'cart')
    """
    return _STORY[name]


def sentence(name: str, values: Mapping[str, float]) -> str:
    """Say in words what the value `name` is, given all values by name.

    >>> values = dict.fromkeys(NAMES, float("nan")) | {"recency_days": 31.2, "gap_mean_days": 9.0}
    >>> sentence("overdue_ratio", values | {"overdue_ratio": 3.5})
    'usually orders every 9 days, last order 31 days ago'
    >>> sentence("refund_share", values)
    'never returned anything'
    """
    template = SENTENCES.get(name)
    if template is None:
        return f"{DESCRIPTIONS[name]}: {values[name]:.4g}"
    needed = [field for _, field, _, _ in Formatter().parse(template) if field]
    if any(math.isnan(values[field]) for field in (name, *needed)):
        return UNKNOWN.get(_STORY[name], f"{DESCRIPTIONS[name]}: not known")
    return _WORDS.vformat(template, (), values)


NOUNS = frozenset(
    {
        "checkouts",
        "days",
        "events",
        "hours",
        "minutes",
        "orders",
        "payments",
        "products",
        "refunds",
        "reviews",
        "tickets",
        "times",
        "views",
        "visits",
    }
)
"""What is counted: `{x:visits}` gives "no visits", "1 visit" or "12 visits"."""
MOMENTS = {"days": "less than a day", "hours": "less than an hour", "minutes": "less than a minute"}
"""Lengths of time, of which there is never none."""
CHANNELS = ("email", "push", "text message", "the site", "the app")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NEUTRAL = 0.05
"""Up to this far from 0 a text is neutral: as the authors of VADER (Hutto and Gilbert, 2014) have it."""


class _Words(Formatter):
    """Formats a number as words: `{x:days}` gives "1 day" or "31 days"."""

    def format_field(self, value: Any, format_spec: str) -> Any:
        """Format one value by the name of its kind."""
        if format_spec in NOUNS:
            return _counted(value, format_spec)
        say = _KINDS.get(format_spec)
        if say is None:
            raise ValueError(f"reasons: expected a kind of number, found {format_spec!r}")
        return say(value)


def _counted(value: float, noun: str) -> str:
    count = round(value)
    if not count:
        return MOMENTS.get(noun, f"no {noun}")
    return f"{count:,} {noun.removesuffix('s') if count == 1 else noun}"


def _dates(value: float) -> str:
    """Days that are counted, of which there may be none."""
    return _counted(value, "days") if value else "no day"


def _ahead(value: float) -> str:
    """Days from now on, negative for days gone by."""
    return f"in {_counted(value, 'days')}" if value >= 0 else f"{_counted(-value, 'days')} ago"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _hour(value: float) -> str:
    """An hour of the week, from Monday at midnight on."""
    day, hour = divmod(int(value), 24)
    return f"{WEEKDAYS[day]} {hour}:00 UTC"


def _tone(value: float) -> str:
    if abs(value) < NEUTRAL:
        return "neutral"
    return "positive" if value > 0 else "negative"


def _compared(trend: float) -> str:
    """(r - q) / (r + q) of two rates as the words for r against q."""
    if trend <= -1.0:
        return "none, against some in"
    if trend >= 1.0:
        return "some, against none in"
    change = (1 + trend) / (1 - trend) - 1
    if abs(change) < 0.05:
        return "much as in"
    return f"{abs(change):.0%} {'above' if change > 0 else 'below'}"


_KINDS: dict[str, Callable[[float], str]] = {
    "money": lambda value: f"{value:,.2f}",
    "percent": lambda value: f"{value:.0%}",
    "number": _number,
    "trend": _compared,
    "dates": _dates,
    "ahead": _ahead,
    "spread": lambda value: _number(math.exp(value)),  # entropy in nats as the number of equal shares
    "channel": lambda value: CHANNELS[int(value)],
    "hour": _hour,
    "tone": _tone,
    "whether": lambda value: "yes" if value else "no",
}
_WORDS = _Words()
