"""Views of products, and which of them no purchase followed."""

import math
from bisect import insort
from collections.abc import Collection

import msgspec

from features.signals.daily import DAY

VIEWS = 64
"""Views that are kept: the newest."""
SPAN = 30 * DAY
"""Seconds for which a view counts."""
PRODUCTS, PER_PRODUCT = 30, 8
"""Products that are counted, those viewed last, and views of one that are."""
BOUGHT = 32
"""Products whose last purchase is kept: those bought last. A view that comes late may precede it."""


class Views(msgspec.Struct, array_like=True, gc=False):
    """Views without a purchase since as (Unix seconds, product), ascending; last purchases; 2 kB at most."""

    seen: list[tuple[float, str]] = []
    bought: dict[str, float] = {}

    def view(self, product: str, at: float) -> None:
        """Note a view; let go of the oldest, and of those that will not count again."""
        if self.bought.get(product, -math.inf) >= at:
            return
        seen = self.seen
        if not seen or at > seen[-1][0]:
            seen.append((at, product))
        else:
            insort(seen, (at, product))
        while len(seen) > VIEWS or seen[0][0] < seen[-1][0] - SPAN:
            del seen[0]

    def buy(self, products: Collection[str], at: float) -> None:
        """Note a purchase of products: their views so far had what they were for."""
        bought = self.bought
        for product in products:
            last = bought.pop(product, -math.inf)
            bought[product] = max(last, at)
        while len(bought) > BOUGHT:
            del bought[next(iter(bought))]
        if self.seen:
            self.seen = [view for view in self.seen if view[0] > at or view[1] not in products]

    def merge(self, other: "Views") -> None:
        """Take up the views and purchases of another part of the history."""
        for product, at in other.bought.items():
            self.buy((product,), at)
        for at, product in other.seen:
            self.view(product, at)

    def unbought(self, now: float) -> list[int]:
        """Views of each product in the last 30 days that no purchase of it followed, or came with.

        >>> views = Views()
        >>> for product, at in (("tea", 10.0), ("pot", 20.0), ("pot", 30.0)):
        ...     views.view(product, at)
        >>> views.buy(["tea"], 40.0)
        >>> views.unbought(50.0)
        [2]
        """
        counts: dict[str, int] = {}
        for at, product in reversed(self.seen):
            if now - at <= SPAN:
                count = counts.get(product, 0)
                if count < PER_PRODUCT and (count or len(counts) < PRODUCTS):
                    counts[product] = count + 1
        return list(counts.values())
