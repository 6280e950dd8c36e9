"""Who can still leave: those for whom a model of churn has anything to say."""

from collections.abc import Mapping


def could_cancel(values: Mapping[str, float]) -> bool:
    """Whether a subscription runs that the customer has not asked to end, from the signals' values by name.

    >>> could_cancel({"subscribed": 1.0, "cancellation_asked": 0.0})
    True
    >>> could_cancel({"subscribed": float("nan"), "cancellation_asked": float("nan")})
    False
    """
    return values["subscribed"] == 1.0 and values["cancellation_asked"] == 0.0
