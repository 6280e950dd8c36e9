"""The reason of a trigger in words: a text with slots, filled with what was seen."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ebbtide.domain.event import Properties
from features.catalog import NAMES
from models.expressions import close_to

OF_EVENT = frozenset(
    {*Properties.__struct_fields__, "stage", "previous", "views_7d", "views_30d", "in_cart"} - {"products"}
)
"""What may be read of an event: its properties, the stages of `Stage Entered`, what else is known of it."""
OF_PRODUCTS = frozenset({"product", "cart", "viewed"})
OTHERS = ("stage", "churn", "product", "cart", "viewed")
"""Slots that are neither a signal nor of the event."""
_SLOT = re.compile(r"\{([^{}]*)\}")


def slots(text: str) -> list[str]:
    """The names of the slots.

    >>> slots("viewed {product} {event.views_7d} times")
    ['product', 'event.views_7d']
    """
    return _SLOT.findall(text)


def bad_slots(text: str) -> Iterable[str]:
    """What is wrong with the slots, in words."""
    known = (*OTHERS, *NAMES, *(f"event.{name}" for name in sorted(OF_EVENT)))
    for slot in slots(text):
        if slot not in known:
            expected = f"a signal, event.PROPERTY or one of {', '.join(OTHERS)}"
            yield f"expected {expected}, found {{{slot}}}{close_to(slot, known)}"


def filled(text: str, seen: "Seen") -> str:
    """The text with its slots filled; what is not known is a dash."""
    return _SLOT.sub(lambda slot: seen.slot(slot[1]), text)


class Seen(NamedTuple):
    """What a reason is filled from: signals, stage, churn, the event's properties, the products.

    `products` are those of the event or in the cart, `viewed` the one viewed most and not bought.
    """

    values: Mapping[str, float]
    stage: str
    churn: float | None
    event: Mapping[str, Any]
    products: tuple[str, ...] = ()
    viewed: str | None = None

    def slot(self, name: str) -> str:
        """One slot as text.

        >>> seen = Seen({"recency_days": 12.3}, "active", 0.713, {"score": 3.0}, ("tea", "pot"))
        >>> [seen.slot(name) for name in ("recency_days", "stage", "churn", "event.score", "cart")]
        ['12', 'active', '71%', '3', '2 products (tea, pot)']
        """
        if name == "stage":
            return self.stage
        if name == "churn":
            return "-" if self.churn is None else f"{self.churn:.0%}"
        if name == "viewed":
            return self.viewed or "-"
        if name == "product":
            return str(self.event.get("name") or next(iter(self.products), "-"))
        if name == "cart":
            more = ", ..." if len(self.products) > 3 else ""
            plural = "product" if len(self.products) == 1 else "products"
            return f"{len(self.products)} {plural} ({', '.join(self.products[:3])}{more})"
        found = self.event.get(name[6:]) if name.startswith("event.") else self.values[name]
        return _shown(found)


def _shown(value: Any) -> str:
    if not isinstance(value, float):
        return "-" if value is None else str(value)
    if math.isnan(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.1f}"
