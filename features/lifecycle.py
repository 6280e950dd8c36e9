"""The stage of a customer's life, relative to their own rhythm and to the churn curve.

`pace` is the gap that we expect between days with an order: the customer's own mean gap, drawn towards 30
days while few gaps are known (the weight of two gaps), and never under 7 days. `lag` is the time since the
last order over that pace. `risk` is the odds of leaving, by the churn model, over those of the customers whom
it learned from: 1 is as all. The first rule that holds gives the stage:

| stage | rule |
| --- | --- |
| new | no order yet |
| lost | lag over 8 |
| dormant | lag over 4 |
| slipping | lag over 2; or lag over 1, and risk 1.5 or more |
| won back | the last gap was over 4 of the paces before it: they had gone, and came again |
| new | fewer than 3 days with an order |
| loyal | 10 or more days with an order in a year, known for 90 days or more |
| active | all others |

Three limits have a second one for whoever crossed them, so that nobody flickers: who was slipping stays so
until the risk is under 1.2, who was loyal stays so with 8 days with an order in a year, and who was active,
loyal or won back is never new again. The limits of `lag` need none: it only grows in silence, and an order
takes it back to 0. Where nobody can tell the risk, the curve moves nobody, neither into slipping nor back.
"""

import math
from collections.abc import Callable, Mapping

from ebbtide.domain.customer import Stage

PRIOR_PACE = 30.0
PRIOR_WEIGHT = 2.0
SHORTEST_PACE = 7.0
OVERDUE, SLIPPING, DORMANT, LOST = 1.0, 2.0, 4.0, 8.0
AT_RISK, RELIEVED = 1.5, 1.2
"""Times the odds of the base: from where on who is overdue is slipping, and under which no longer."""
LOYAL_DAYS, LOYAL_TENURE, NEW_DAYS = 10, 90.0, 3
STAYS_LOYAL_DAYS = 8
_PAST_NEW = frozenset({Stage.ACTIVE, Stage.LOYAL, Stage.WON_BACK})

Risk = Callable[[], float]
"""The odds of leaving over those of the base, NaN where nobody can tell; asked only where it could decide."""


def unknown() -> float:
    """The risk where there is no model."""
    return math.nan


def pace(gaps: float, days: float) -> float:
    """The gap in days that we expect of a customer with that many gaps, which took that many days together.

    >>> pace(0.0, 0.0), pace(8.0, 80.0)
    (30.0, 14.0)
    """
    return max((PRIOR_WEIGHT * PRIOR_PACE + days) / (PRIOR_WEIGHT + gaps), SHORTEST_PACE)


def lag(values: Mapping[str, float]) -> float:
    """The time since the last order over the pace, from the signals' values; NaN without an order."""
    gaps = values["gaps_total"]
    return values["recency_days"] / pace(gaps, gaps * values["gap_mean_days"] if gaps else 0.0)


def stage(values: Mapping[str, float], previous: str = "", risk: Risk = unknown) -> Stage:
    """The stage that the signals' values say, by the table above.

    Args:
        values: the signals by name.
        previous: the stage in which the customer was last seen, if that is known.
        risk: asked of who is overdue and not slipping by their own rhythm.
    """
    if not values["orders_total"]:
        return Stage.NEW
    late = lag(values)
    for limit, found in ((LOST, Stage.LOST), (DORMANT, Stage.DORMANT), (SLIPPING, Stage.SLIPPING)):
        if late > limit:
            return found
    if late > OVERDUE and _at_risk(risk(), previous == Stage.SLIPPING):
        return Stage.SLIPPING
    if _had_gone(values["gaps_total"], values["gap_mean_days"], values["gap_last_days"]):
        return Stage.WON_BACK
    return _settled(values["purchase_days"], values["tenure_days"], previous)


def _at_risk(risk: float, slipping: bool) -> bool:
    """Whether the curve calls somebody slipping. Where it cannot tell (NaN) it moves nobody, in or back."""
    return not risk < RELIEVED if slipping else risk >= AT_RISK


def _had_gone(gaps: float, mean: float, last: float) -> bool:
    """Whether the last gap was over 4 of the paces before it."""
    return gaps > 0.0 and last > DORMANT * pace(gaps - 1.0, gaps * mean - last)


def _settled(days: float, tenure: float, previous: str) -> Stage:
    """New, loyal or active, of a customer who keeps to their pace."""
    if days < NEW_DAYS and previous not in _PAST_NEW:
        return Stage.NEW
    enough = STAYS_LOYAL_DAYS if previous == Stage.LOYAL else LOYAL_DAYS
    return Stage.LOYAL if days >= enough and tenure >= LOYAL_TENURE else Stage.ACTIVE
