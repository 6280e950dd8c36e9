"""The newest of something: a time and the value at that time, compared in this order.

Of two values at one time the larger is the newest, so the order in which events come does not matter.

>>> max(NEVER, Latest(10.0, 3.0), Latest(10.0, 7.0), Latest(9.0, 8.0))
Latest(at=10.0, value=7.0)
"""

import math

import msgspec


class Latest(msgspec.Struct, array_like=True, frozen=True, order=True, gc=False):
    """Unix seconds and value."""

    at: float
    value: float


NEVER = Latest(-math.inf, math.nan)
"""Before the first one."""
