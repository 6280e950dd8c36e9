"""Triggers: moments to speak to a customer, each a small rule that says why.

A rule is given the signals by name (NaN where nothing is known), the stage, and the highest churn
probability (NaN without a model). It answers the reason in words, or None if this is not its moment. A
comparison with NaN is false, so a rule asks for what it needs and otherwise stays silent.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ebbtide.domain.customer import Stage
from ebbtide.domain.decision import Trigger

CHURN_HIGH = 0.7
"""The churn probability from which on it is a trigger."""


@dataclass(frozen=True)
class Moment:
    """What a rule sees of a customer."""

    values: Mapping[str, float]
    stage: Stage
    churn: float
    churn_high: float


Rule = Callable[[Moment], str | None]


def _days(count: float) -> str:
    return f"{count:.0f} day" if round(count) == 1 else f"{count:.0f} days"


def _going_quiet(moment: Moment) -> str | None:
    values = moment.values
    if not (values["overdue_ratio"] > 2 and moment.stage in (Stage.SLIPPING, Stage.DORMANT)):
        return None
    usual, since = _days(values["gap_mean_days"]), _days(values["recency_days"])
    return f"usually orders every {usual}, last order {since} ago"


def _churn_high(moment: Moment) -> str | None:
    if not moment.churn >= moment.churn_high:
        return None
    return f"churn probability {moment.churn:.0%}, at or over {moment.churn_high:.0%}"


def _first_order_follow_up(moment: Moment) -> str | None:
    values = moment.values
    if not (values["orders_total"] == 1 and 3 <= values["recency_days"] <= 30):
        return None
    return f"one order so far, {_days(values['recency_days'])} ago"


def _won_back_welcome(moment: Moment) -> str | None:
    values = moment.values
    if not (moment.stage is Stage.WON_BACK and values["recency_days"] <= 14):
        return None
    since, away = _days(values["recency_days"]), _days(values["gap_last_days"])
    return f"came back {since} ago, after {away} without an order"


def _refund_follow_up(moment: Moment) -> str | None:
    days = moment.values["refund_recency_days"]
    return f"had a refund {_days(days)} ago" if days <= 14 else None


def _spend_dropping(moment: Moment) -> str | None:
    values = moment.values
    trend = values["spend_trend_30d"]
    if not (trend <= -0.5 and values["orders_total"] >= 4 and values["recency_days"] <= 30):
        return None
    now_share = (1 + trend) / (1 - trend)  # of (r - q) / (r + q) back to r / q
    return f"still orders, but spent {now_share:.0%} a day of what it was: last 30 days against the 90 before"


RULES: Mapping[str, Rule] = {
    "going_quiet": _going_quiet,
    "churn_high": _churn_high,
    "first_order_follow_up": _first_order_follow_up,
    "won_back_welcome": _won_back_welcome,
    "refund_follow_up": _refund_follow_up,
    "spend_dropping": _spend_dropping,
}
"""The trigger's id and its rule, in the order in which a decision lists them."""


def triggers(
    values: Mapping[str, float],
    stage: Stage,
    churn: float | None,
    *,
    churn_high: float = CHURN_HIGH,
) -> tuple[Trigger, ...]:
    """Say which triggers hold for a customer, and why.

    Args:
        values: the signals by name, all of `features.catalog.NAMES`.
        stage: the customer's stage.
        churn: probability of churn at the model's main horizon, None without a model.
        churn_high: the probability from which on it is a trigger.
    """
    moment = Moment(values, stage, math.nan if churn is None else churn, churn_high)
    return tuple(Trigger(id_, reason) for id_, rule in RULES.items() if (reason := rule(moment)) is not None)
