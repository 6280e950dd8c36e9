"""The stage of a customer's life, relative to their own rhythm.

`pace` is the gap that we expect between days with an order: the customer's own mean gap, drawn towards 30
days while few gaps are known (the weight of two gaps), and never under 7 days. `lag` is the time since the
last order over that pace. The first rule that holds gives the stage:

| stage | rule |
| --- | --- |
| new | no order yet |
| lost | lag over 8 |
| dormant | lag over 4 |
| slipping | lag over 2 |
| won back | the last gap was over 4 of the paces before it: they had gone, and came again |
| new | fewer than 3 days with an order |
| loyal | 10 or more days with an order in a year, known for 90 days or more |
| active | all others |

Two limits have a second one for whoever crossed them, so that nobody flickers: who was loyal stays so with 8
days with an order in a year, and who was active, loyal or won back is never new again. The limits of `lag`
need none: it only grows in silence, and an order takes it back to 0.
"""

from collections.abc import Mapping

from ebbtide.domain.customer import Stage

PRIOR_PACE = 30.0
PRIOR_WEIGHT = 2.0
SHORTEST_PACE = 7.0
SLIPPING, DORMANT, LOST = 2.0, 4.0, 8.0
LOYAL_DAYS, LOYAL_TENURE, NEW_DAYS = 10, 90.0, 3
STAYS_LOYAL_DAYS = 8
_PAST_NEW = frozenset({Stage.ACTIVE, Stage.LOYAL, Stage.WON_BACK})


def pace(gaps: float, days: float) -> float:
    """The gap in days that we expect of a customer with that many gaps, which took that many days together.

    >>> pace(0.0, 0.0), pace(8.0, 80.0)
    (30.0, 14.0)
    """
    return max((PRIOR_WEIGHT * PRIOR_PACE + days) / (PRIOR_WEIGHT + gaps), SHORTEST_PACE)


def stage(values: Mapping[str, float], previous: str = "") -> Stage:
    """The stage that the signals' values say, by the table above.

    Args:
        values: the signals by name.
        previous: the stage in which the customer was last seen, if that is known.
    """
    if not values["orders_total"]:
        return Stage.NEW
    gaps, last_gap = values["gaps_total"], values["gap_last_days"]
    days = gaps * values["gap_mean_days"] if gaps else 0.0
    lag = values["recency_days"] / pace(gaps, days)
    for limit, found in ((LOST, Stage.LOST), (DORMANT, Stage.DORMANT), (SLIPPING, Stage.SLIPPING)):
        if lag > limit:
            return found
    if gaps and last_gap > DORMANT * pace(gaps - 1.0, days - last_gap):
        return Stage.WON_BACK
    return _settled(values["purchase_days"], values["tenure_days"], previous)


def _settled(days: float, tenure: float, previous: str) -> Stage:
    """New, loyal or active, of a customer who keeps to their pace."""
    if days < NEW_DAYS and previous not in _PAST_NEW:
        return Stage.NEW
    enough = STAYS_LOYAL_DAYS if previous == Stage.LOYAL else LOYAL_DAYS
    return Stage.LOYAL if days >= enough and tenure >= LOYAL_TENURE else Stage.ACTIVE
