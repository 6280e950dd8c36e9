"""The newest of something: a time and the value at that time, compared as a pair.

Of two values at one time the larger is the newest, so the order in which events come does not matter.

>>> max(NEVER, (10.0, 3.0), (10.0, 7.0), (9.0, 8.0))
(10.0, 7.0)
"""

import math

Latest = tuple[float, float]
"""Unix seconds and value."""
NEVER: Latest = (-math.inf, math.nan)
"""Before the first one."""
