"""When a customer is at risk, when silence alone would put them there, and what to do about an alert.

Pure: a curve, a state and moments go in. With silence as churn, those are judged who have ordered, while the
chance to hold them is open: until their stage would become lost, and at most as long as those whom the model
was trained on had been silent. With cancellations as churn it is those with a running subscription that they
have not asked to end.
"""

import math
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from ebbtide.domain.alert import ClearedBy
from ebbtide.logs.alerts import Last
from features import lifecycle
from features.catalog import NAMES
from features.profile import State, vector
from models.churn.artefact import Churned
from models.churn.curve import ChurnCurve
from models.churn.population import against_base, could_cancel

DAY = 86_400.0
FURTHEST_DAYS = 365.0
"""How far ahead a crossing is looked for."""
EXACT = 3_600.0
"""Seconds by which the moment of a crossing may be late."""
FIRST_STEP = 4 * DAY
"""How far the first look ahead goes; each further one goes twice as far."""
_GAPS = NAMES.index("gaps_total")
_GAP_MEAN = NAMES.index("gap_mean_days")
_RECENCY = NAMES.index("recency_days")


@dataclass(frozen=True)
class Policy:
    """An alert is raised at `threshold`, cleared `relief` below it, and not raised again for some days."""

    threshold: float = 0.7
    relief: float = 0.1
    cooldown_days: float = 14.0


class Sight(NamedTuple):
    """A customer at a moment: signals, probability at the main horizon, last order, end of the chance.

    Times in Unix seconds. `ordered_at` is minus infinity where orders do not end a decline. `against_base` is
    as `models.churn.population.against_base` tells it.
    """

    vector: list[float]
    probability: float
    ordered_at: float
    closes_at: float
    against_base: float = math.nan


class Step(Enum):
    """What a look leads to."""

    RAISE = "raise"
    CLEAR = "clear"
    NOTHING = "nothing"


class Verdict(NamedTuple):
    """The step, why an alert is cleared, and when to look again (Unix seconds; None: not before an event)."""

    step: Step
    by: ClearedBy | None
    again: float | None


def look(curve: ChurnCurve, state: State, now: float) -> Sight | None:
    """See a customer at `now`; None if there is nothing to judge, or no chance left."""
    signals = vector(state, now)
    ordered_at, closes_at = _chance(curve, signals, now)
    if not closes_at > now:
        return None
    risk = _main(curve, signals)
    compared = against_base(curve.artefact, risk, signals[_RECENCY])
    return Sight(signals, risk, ordered_at, closes_at, compared)


def probability(curve: ChurnCurve, state: State, now: float) -> float:
    """The probability of churn within the main horizon, as of `now`."""
    return _main(curve, vector(state, now))


def next_crossing(
    curve: ChurnCurve, state: State, now: float, threshold: float, until: float = math.inf
) -> float | None:
    """When silence alone would bring the probability to the threshold.

    Looks at growing distances, then halves the stretch within which it is first found there; a rise and fall
    between two looks is not seen.

    Args:
        curve: the model.
        state: the customer, of whom nothing is heard after `now`.
        now: Unix seconds, UTC.
        threshold: the probability.
        until: how far to look, 365 days ahead at most.

    Returns:
        A moment after `now` at which it is reached, an hour late at most; None if it is not.
    """
    found = _stretch(curve, state, now, threshold, until)
    if found is None:
        return None
    low, high = found
    while high - low > EXACT:
        low, high = _half(curve, state, threshold, low, high)
    return high


def next_check(
    curve: ChurnCurve, state: State, now: float, threshold: float, until: float = math.inf
) -> float | None:
    """When to look again so as not to miss the crossing, with few looks ahead; None if none is found.

    It is `next_crossing` found in instalments: a moment at or before it, the nearer the sooner it comes. Most
    customers order again long before; the crossing itself is worked out for the few who do not.
    """
    found = _stretch(curve, state, now, threshold, until)
    if found is None:
        return None
    low, high = found
    while low == now and high - low > EXACT:
        low, high = _half(curve, state, threshold, low, high)
    return high if low == now else low


def verdict(policy: Policy, sight: Sight | None, last: Last | None, now: float) -> Verdict:
    """Say what a look leads to; `again` is None for the caller to find the crossing, if there is a sight.

    One alert per decline: while one is open no other is raised, and after it was cleared none during the
    cooldown.
    """
    is_open = last is not None and last.cleared is None
    if sight is None:
        return _cleared(ClearedBy.CLOSED) if is_open else Verdict(Step.NOTHING, None, None)
    if last is not None and last.cleared is None:
        if sight.ordered_at > last.raised:
            return _cleared(ClearedBy.ORDER)
        if sight.probability < policy.threshold - policy.relief:
            return _cleared(ClearedBy.RECOVERED)
        return Verdict(Step.NOTHING, None, sight.closes_at)
    if sight.probability < policy.threshold:
        return Verdict(Step.NOTHING, None, None)
    rested = rests_until(policy, last)
    if now < rested:
        return Verdict(Step.NOTHING, None, rested)
    return Verdict(Step.RAISE, None, sight.closes_at)


def rests_until(policy: Policy, last: Last | None) -> float:
    """Until when a customer is left alone after an alert was cleared; minus infinity if none was."""
    if last is None or last.cleared is None:
        return -math.inf
    return last.cleared + policy.cooldown_days * DAY


def _cleared(by: ClearedBy) -> Verdict:
    return Verdict(Step.CLEAR, by, None)


def _main(curve: ChurnCurve, signals: list[float]) -> float:
    return curve.predict_one(signals)[curve.days.index(curve.artefact.main)]


def _chance(curve: ChurnCurve, signals: list[float], now: float) -> tuple[float, float]:
    """The last order, if orders end a decline, and when the chance closes; minus infinity without one."""
    artefact = curve.artefact
    if artefact.churned == Churned.CANCEL:
        return -math.inf, now + artefact.main * DAY if could_cancel(signals) else -math.inf
    recency, gaps = signals[_RECENCY], signals[_GAPS]
    if math.isnan(recency):
        return -math.inf, -math.inf
    pace = lifecycle.pace(gaps, gaps * signals[_GAP_MEAN] if gaps else 0.0)
    ordered_at = now - recency * DAY
    return ordered_at, ordered_at + min(lifecycle.LOST * pace, float(artefact.active)) * DAY


def _stretch(
    curve: ChurnCurve, state: State, now: float, threshold: float, until: float
) -> tuple[float, float] | None:
    """The first stretch found at whose end, but not at whose begin, the threshold is reached."""
    end = min(until, now + FURTHEST_DAYS * DAY)
    low, step = now, FIRST_STEP
    while low < end:
        high = min(low + step, end)
        if probability(curve, state, high) >= threshold:
            return low, high
        low, step = high, step * 2
    return None


def _half(curve: ChurnCurve, state: State, threshold: float, low: float, high: float) -> tuple[float, float]:
    middle = (low + high) / 2
    return (low, middle) if probability(curve, state, middle) >= threshold else (middle, high)
