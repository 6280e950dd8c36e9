"""Views of products, and which of them no purchase followed."""

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection

import msgspec

from features.signals.daily import DAY

SPAN = 30 * DAY
"""Seconds for which a view counts."""
PRODUCTS, PER_PRODUCT = 30, 8
"""Products that are kept, those viewed last, and views of one that are, the newest."""
BOUGHT = 32
"""Products whose last purchase is kept: those bought last. A view that comes late may precede it."""


class Views(msgspec.Struct, array_like=True, gc=False):
    """By product the times of views without a purchase since, ascending; last purchases; 4 kB at most."""

    seen: dict[str, list[float]] = {}
    bought: dict[str, float] = {}

    def view(self, product: str, at: float) -> None:
        """Note a view; let go of the product's oldest, and of the product not viewed for longest."""
        if self.bought.get(product, -math.inf) >= at:
            return
        times = self.seen.get(product)
        if times is None:
            self.seen[product] = [at]
            if len(self.seen) > PRODUCTS:
                del self.seen[min(self.seen, key=lambda each: (self.seen[each][-1], each))]
            return
        if at >= times[-1]:
            times.append(at)
        else:
            insort(times, at)
        if len(times) > PER_PRODUCT:
            del times[0]

    def buy(self, products: Collection[str], at: float) -> None:
        """Note a purchase of products: their views so far had what they were for."""
        bought = self.bought
        for product in products:
            last = bought.pop(product, -math.inf)
            bought[product] = max(last, at)
            times = self.seen.get(product)
            if times is not None:
                del times[: bisect_right(times, at)]
                if not times:
                    del self.seen[product]
        while len(bought) > BOUGHT:
            del bought[next(iter(bought))]

    def merge(self, other: "Views") -> None:
        """Take up the views and purchases of another part of the history."""
        for product, at in other.bought.items():
            self.buy((product,), at)
        for product, times in other.seen.items():
            for at in times:
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
        oldest = now - SPAN
        counts = (len(times) - bisect_left(times, oldest) for times in self.seen.values())
        return [count for count in counts if count]
