"""An action that may be taken for a customer, and its rank in a decision."""

import msgspec

from ebbtide.domain.customer import Stage


class Action(msgspec.Struct, frozen=True):
    """One entry of `actions.yaml`. Money in the currency of the events."""

    id: str
    channel: str
    message: str
    stages: frozenset[Stage]
    response: float
    value: float
    cost: float = 0.0
    retains: bool = False


class RankedAction(msgspec.Struct, frozen=True, rename="camel"):
    """A candidate with its score; `propensity` is the probability with which it was chosen to stand first."""

    id: str
    channel: str
    message: str
    expected_value: float
    propensity: float
