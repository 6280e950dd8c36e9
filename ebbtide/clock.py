"""Where the present comes from. Entry points pass a clock; everything below is given a moment."""

import time
from collections.abc import Callable
from typing import TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Returns the present as Unix seconds, UTC."""

system_clock: Clock = time.time
