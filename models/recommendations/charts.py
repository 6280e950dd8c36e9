"""What is bought and viewed most now: overall, by kind of customer or product, and of what is new.

Each chart is decayed with a half-life of 10 days, as a forward decay: an event weighs more the later it is,
so the order of products changes with events only. A view weighs a tenth of a purchase. Charts are bounded in
length and in number; of too many those not touched for longest go.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

DAY = 86_400.0
HALF_LIFE = 10.0
"""Days after which a purchase counts half."""
LANDMARK = 16_436
"""2015-01-01, as a day since 1970-01-01: a weight is 1 then. Before 1988 and after 2042 all weigh alike."""
VIEW = 0.1
"""What a view weighs, beside a purchase."""
TOP = 60
"""Products stored of a chart; four times as many may pile up in memory, and those of one more addition."""
MOST = 1_000
"""Charts."""
NEW_DAYS = 14.0
"""How long a product counts as new after it was first seen."""
ALL, NEW, NEWCOMERS = "all", "new", "newcomers"
"""Everybody's chart, that of new products, and that of what customers buy first."""


def weight(at: float, half_life: float) -> float:
    """What an event at a moment (Unix seconds) weighs."""
    return float(2.0 ** min(max((at / DAY - LANDMARK) / half_life, -1_000.0), 1_000.0))


def weights(at: NDArray[np.float64], half_life: float) -> NDArray[np.float64]:
    """What events at these moments weigh, each as `weight` has it."""
    return np.exp2(np.clip((at / DAY - LANDMARK) / half_life, -1_000.0, 1_000.0))


def of_country(name: str) -> str:
    """The name of a country's chart."""
    return f"country:{name}"


def of_category(name: str) -> str:
    """The name of a category's chart."""
    return f"category:{name}"


def of_brand(name: str) -> str:
    """The name of a brand's chart."""
    return f"brand:{name}"


class Charts:
    """Products with their weights, by chart.

    >>> charts = Charts()
    >>> charts.place("tea", 2.0, "Drinks", None)
    >>> charts.place("pot", 3.0, None, None)
    >>> charts.add(NEWCOMERS, {"tea": 1.0})
    >>> found, gone = charts.changed()
    >>> sorted(found), found["all"], gone
    (['all', 'category:Drinks', 'newcomers'], [('pot', 3.0), ('tea', 2.0)], [])
    """

    def __init__(self, stored: Mapping[str, Iterable[tuple[str, float]]] | None = None) -> None:
        self._charts = {name: dict(chart) for name, chart in (stored or {}).items()}
        self._changed: set[str] = set()
        self._gone: set[str] = set()

    def place(self, product: str, weight: float, category: str | None, brand: str | None) -> None:
        """Put a product where its weight belongs: in everybody's chart, its category's and its brand's."""
        self.put(ALL, product, weight)
        if category:
            self.put(of_category(category), product, weight)
        if brand:
            self.put(of_brand(brand), product, weight)

    def put(self, name: str, product: str, weight: float) -> None:
        """Put a product into a chart by its weight."""
        self._chart(name)[product] = weight

    def add(self, name: str, weights: Mapping[str, float]) -> None:
        """Add to the weights of products in a chart."""
        chart = self._chart(name)
        for product, weight in weights.items():
            chart[product] = chart.get(product, 0.0) + weight

    def changed(self) -> tuple[dict[str, list[tuple[str, float]]], list[str]]:
        """The charts that changed since the last time, best first, and the names of those gone."""
        found = {name: self._best(name)[:TOP] for name in self._changed}
        gone = sorted(self._gone)
        self._changed.clear()
        self._gone.clear()
        return found, gone

    def _chart(self, name: str) -> dict[str, float]:
        """A chart to change; it counts as touched last."""
        chart = self._charts.pop(name, None)
        if chart is None:
            chart = {}
            self._gone.discard(name)
            if len(self._charts) >= MOST:
                self._let_go(next(iter(self._charts)))
        self._charts[name] = chart
        self._changed.add(name)
        if len(chart) > 4 * TOP:
            self._best(name)
        return self._charts[name]

    def _best(self, name: str) -> list[tuple[str, float]]:
        """A chart in order; what is far below its end is let go of."""
        chart = sorted(self._charts[name].items(), key=lambda each: (-each[1], each[0]))[: 2 * TOP]
        self._charts[name] = dict(chart)
        return chart

    def _let_go(self, name: str) -> None:
        del self._charts[name]
        self._changed.discard(name)
        self._gone.add(name)
