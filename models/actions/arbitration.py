"""Arbitration: what each allowed action is worth for a customer, and which one is taken.

An action is worth P(response) x value x (churn probability if it retains, else 1 - churn probability) - cost,
more than doing nothing, which is worth 0 and always a candidate. The best is taken mostly, and each other by
a chance that the receipt states (see `models.actions.exploration`).
"""

from collections.abc import Callable, Sequence

from ebbtide.domain.action import NOTHING, Action, Candidate, RankedAction
from models.actions.exploration import choose, inverse_gap, normalised

UNKNOWN_CHURN = 0.5
"""The churn probability assumed where there is none."""
HELD_OUT = "hold-out"
"""What excludes an action for a customer who is held out."""
Judged = tuple[Action, str | None]
"""An action, and the rule in words that excludes it; None where it is allowed."""


def expected_value(action: Action, response: float, churn: float | None) -> float:
    """What an action is worth over doing nothing, in the currency of the events.

    Args:
        action: the action.
        response: the probability that the customer responds to it.
        churn: the probability that the customer leaves; None where it is not known.

    >>> sms = Action(id="a", channel="sms", message="", value=50.0, cost=1.0, retains=True)
    >>> round(expected_value(sms, 0.1, 0.8), 6)
    3.0
    """
    leaves = UNKNOWN_CHURN if churn is None else churn
    return response * action.value * (leaves if action.retains else 1.0 - leaves) - action.cost


def arbitrate(
    judged: Sequence[Judged],
    responses: Sequence[float],
    churn: float | None,
    *,
    gamma: float,
    decision_id: str,
    holdout: bool = False,
) -> tuple[tuple[Candidate, ...], str]:
    """Say how each action stands, and which one is taken.

    Args:
        judged: all actions, doing nothing among them, with what excludes them.
        responses: the probability of a response to each.
        churn: the probability that the customer leaves; None where it is not known.
        gamma: how much the best is preferred (see `models.actions.exploration.inverse_gap`).
        decision_id: what the draw is made from.
        holdout: whether the customer is one of those who get no action.

    Returns:
        The candidates in the order of the actions, propensity 0 for those excluded; the id of the one taken.
    """
    excluded = [rule for _, rule in judged]
    if holdout:
        excluded = [rule or (None if one.id == NOTHING.id else HELD_OUT) for one, rule in judged]
    values = [
        expected_value(one, response, churn) for (one, _), response in zip(judged, responses, strict=True)
    ]
    allowed = [place for place, rule in enumerate(excluded) if rule is None]
    chances = inverse_gap(normalised([values[place] for place in allowed]), gamma)
    taken = allowed[choose(chances, decision_id)]
    propensities = [0.0] * len(judged)
    for place, chance in zip(allowed, chances, strict=True):
        propensities[place] = chance
    candidates = [
        Candidate(one.id, one.channel, response, value, propensity, rule)
        for (one, _), response, value, propensity, rule in zip(
            judged, responses, values, propensities, excluded, strict=True
        )
    ]
    return tuple(candidates), judged[taken][0].id


def ranked(
    candidates: Sequence[Candidate],
    chosen: str,
    say: Callable[[str], str],
    send: Callable[[str], str],
    limit: int,
) -> tuple[RankedAction, ...]:
    """The allowed actions as a decision lists them: the one taken first, then by expected value, ties by id.

    `say` gives the message of an action by its id, `send` the time at which it is sent.
    """
    allowed = [one for one in candidates if one.excluded is None]
    allowed.sort(key=lambda one: (one.id != chosen, -one.expected_value, one.id))
    return tuple(
        RankedAction(
            one.id, one.channel, say(one.id), round(one.expected_value, 4), one.propensity, send(one.id)
        )
        for one in allowed[:limit]
    )
