"""Why a churn probability is what it is, in the customer's terms.

The model's contributions (log-odds per signal) are added up by story: the signal file, since the values of
one file tell the same. The strongest stories that push the way the whole goes (riskier, or safer, than most
customers) are told, each by the sentence of its strongest value.
"""

import math
from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ebbtide.domain.decision import Reason
from features.catalog import DESCRIPTIONS, NAMES, SIGNALS

MOST = 3
CLAUSE = ", "
"""What parts the clauses of a sentence: a clause is told once per customer."""

SENTENCES: dict[str, str] = {
    "recency_days": "last order {recency_days:days} ago",
    "orders_total": "{orders_total:orders} so far",
    "purchase_days": "bought on {purchase_days:days} in the last year",
    "orders_1d": "{orders_1d:orders} in the last day",
    "orders_30d": "{orders_30d:orders} in the last 30 days",
    "orders_90d": "{orders_90d:orders} in the last 90 days",
    "orders_365d": "{orders_365d:orders} in the last year",
    "spend_total": "spent {spend_total:money} so far",
    "spend_30d": "spent {spend_30d:money} in the last 30 days",
    "spend_90d": "spent {spend_90d:money} in the last 90 days",
    "spend_365d": "spent {spend_365d:money} in the last year",
    "order_value_mean": "an average order is worth {order_value_mean:money}",
    "order_value_last": "the last order was worth {order_value_last:money}",
    "gaps_total": "came again on {gaps_total:number} later days",
    "gap_mean_days": "usually orders every {gap_mean_days:days}",
    "gap_std_days": "orders every {gap_mean_days:days}, give or take {gap_std_days:days}",
    "gap_last_days": "{gap_last_days:days} between the last two orders, {gap_mean_days:days} are usual",
    "gap_max_days": "has never been away for more than {gap_max_days:days} between orders",
    "overdue_ratio": "usually orders every {gap_mean_days:days}, last order {recency_days:days} ago",
    "overdue_z": "usually orders every {gap_mean_days:days}, last order {recency_days:days} ago",
    "orders_trend_7d": "orders in the last 7 days are {orders_trend_7d:trend} the 4 weeks before",
    "orders_trend_30d": "orders in the last 30 days are {orders_trend_30d:trend} the 3 months before",
    "spend_trend_7d": "spending in the last 7 days is {spend_trend_7d:trend} the 4 weeks before",
    "spend_trend_30d": "spending in the last 30 days is {spend_trend_30d:trend} the 3 months before",
    "orders_decayed_1d": "last order {recency_days:days} ago",
    "orders_decayed_7d": "{orders_30d:orders} in the last 30 days, last order {recency_days:days} ago",
    "orders_decayed_30d": "{orders_30d:orders} in the last 30 days, {orders_90d:orders} in the last 90",
    "orders_decayed_90d": "{orders_90d:orders} in the last 90 days, {orders_365d:orders} in the last year",
    "spend_decayed_30d": "spent {spend_30d:money} in the last 30 days, {spend_90d:money} in the last 90",
    "tenure_days": "a customer for {tenure_days:days}",
    "basket_lines_mean": "an average order has {basket_lines_mean:number} lines",
    "basket_lines_last": "{basket_lines_last:number} lines last time, usually {basket_lines_mean:number}",
    "basket_units_mean": "an average order has {basket_units_mean:number} units",
    "refunds_total": "{refunds_total:refunds} so far",
    "refund_share": "{refund_share:percent} of the money spent was refunded",
    "refund_recency_days": "last refund {refund_recency_days:days} ago",
    "repertoire_size": "keeps to a range of {repertoire_size:number} products",
    "repeat_share": "{repeat_share:percent} of what they buy they bought before",
}
"""A sentence for each value of the catalog; others of its values may stand in it."""

STORIES: dict[str, str] = {
    "orders_decayed_1d": "recency",
    "orders_decayed_7d": "recency",
    "orders_decayed_30d": "frequency",
    "orders_decayed_90d": "frequency",
    "spend_decayed_30d": "spend",
}
"""Values that tell the story of another file than their own."""

UNKNOWN: dict[str, str] = {
    "recency": "has not ordered yet",
    "spend": "has not ordered yet",
    "rhythm": "has not ordered often enough to show a rhythm",
    "trend": "no orders in the last months to compare",
    "tenure": "not seen before",
    "basket": "what they buy is not known",
    "refunds": "never returned anything",
    "repertoire": "what they buy is not known",
}
"""What to say, by story, when a value that the sentence needs is missing."""

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
        contributions: of shape (signals + 1,), in log-odds, the base last, from `ChurnScorer.contributions`.
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


class _Words(Formatter):
    """Formats a number as words: `{x:days}` gives "1 day" or "31 days"."""

    def format_field(self, value: Any, format_spec: str) -> Any:
        """Format one value by the name of its kind."""
        match format_spec:
            case "days" | "orders" | "refunds":
                return _counted(value, format_spec)
            case "money":
                return f"{value:,.2f}"
            case "percent":
                return f"{value:.0%}"
            case "trend":
                return _compared(value)
            case "number":
                return f"{value:.1f}".removesuffix(".0")
            case _:
                raise ValueError(f"reasons: expected a kind of number, found {format_spec!r}")


def _counted(value: float, noun: str) -> str:
    count = round(value)
    if not count:
        return "less than a day" if noun == "days" else f"no {noun}"
    return f"{count:,} {noun.removesuffix('s') if count == 1 else noun}"


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


_WORDS = _Words()
