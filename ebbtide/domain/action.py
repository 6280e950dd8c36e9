"""An action that may be taken for a customer, and how it stood among the others when one was chosen."""

import math
from typing import Literal

import msgspec

from ebbtide.domain.customer import Stage

Channel = Literal["email", "push", "sms", "in_app", "web", "call", "none"]
OutcomeKind = Literal["click", "conversion", "value"]
Send = Literal["now", "best_hour"]


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of `actions.yaml`. Money in the currency of the events, times in Unix seconds (UTC).

    `response` is the share who respond, as the entry says; `retains` tells what is worth more the likelier
    the customer leaves. `valid_from` belongs to the time in which it may be taken, `valid_until` does not.
    It may be taken only after each of the actions in `after`. `outcome` is what counts as a response, and
    `window_days` how long one waits for it. `send` tells whether the message waits for the customer's best
    hour.
    """

    id: str
    channel: Channel
    message: str
    stages: frozenset[Stage] = frozenset(Stage)
    when: str | None = None
    response: float = 0.0
    value: float = 0.0
    cost: float = 0.0
    retains: bool = False
    purpose: str = "marketing"
    valid_from: float = -math.inf
    valid_until: float = math.inf
    after: frozenset[str] = frozenset()
    outcome: OutcomeKind = "click"
    window_days: float = 7.0
    send: Send = "now"


NOTHING = Action(id="none", channel="none", message="Do nothing.")
"""Always a candidate, and excluded by no rule: what costs more than it brings is worth less than it."""


class Candidate(msgspec.Struct, frozen=True, rename="camel"):
    """An action as it stood when one was chosen; `excluded` is the rule in words that ruled it out.

    `response` is the probability of a response that was used, `propensity` that of being chosen.
    """

    id: str
    channel: str
    response: float
    expected_value: float
    propensity: float
    excluded: str | None = None


class RankedAction(msgspec.Struct, frozen=True, rename="camel"):
    """A candidate with its score, and when it is best sent (ISO 8601, UTC).

    `propensity` is the probability with which it was chosen to stand first.
    """

    id: str
    channel: str
    message: str
    expected_value: float
    propensity: float
    send_at: str = ""
