"""Single values of a state at a moment, computed when they are asked for.

Most rules need few of the values, and a whole vector costs as much as all of its signals.
"""

from collections.abc import Iterator, Mapping

from features.catalog import NAMES, SIGNALS
from features.profile import State

_MODULES = tuple(SIGNALS.values())
_NOTHING = tuple(tuple(signal.value(signal.State(), 0.0)) for signal in _MODULES)
_PLACES = {
    name: (index, place) for index, signal in enumerate(_MODULES) for place, name in enumerate(signal.VALUES)
}


class Glance(Mapping[str, float]):
    """The values by name, as `profile.named(profile.vector(state, now))` gives them; NaN where nothing is.

    The state must not change while it is looked at.

    >>> from features.profile import new_state
    >>> Glance(new_state(), 0.0)["orders_total"]
    0.0
    """

    def __init__(self, state: State, now: float) -> None:
        """Look at a state at `now`, in Unix seconds, UTC."""
        self._signals, self._now = state.signals, now
        self._found: dict[int, tuple[float, ...]] = {}

    def __getitem__(self, name: str) -> float:
        """Compute the values of the signal that has this one, once."""
        index, place = _PLACES[name]
        found = self._found.get(index)
        if found is None:
            own = self._signals[index]
            found = _NOTHING[index] if own is None else _MODULES[index].value(own, self._now)
            self._found[index] = found
        return found[place]

    def __contains__(self, name: object) -> bool:
        """Whether there is such a value at all, known or not."""
        return name in _PLACES

    def __iter__(self) -> Iterator[str]:
        """The names in the order of the catalog."""
        return iter(NAMES)

    def __len__(self) -> int:
        """How many values there are."""
        return len(NAMES)
