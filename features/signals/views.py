"""Views of products, and which of them no purchase followed."""

import math
from bisect import insort
from collections.abc import Iterable
from heapq import nlargest

import msgspec

from features.signals.daily import DAY

VIEWS = 64
"""Views that are kept: the newest."""
SPAN = 30 * DAY
"""Seconds for which a view counts."""
PRODUCTS, PER_PRODUCT = 30, 8
"""Products that are counted, those viewed last, and views of one that are."""
BOUGHT = 16
"""Purchases kept of products without a view: a view that comes late may still precede them."""


class Views(msgspec.Struct, array_like=True):
    """The newest views as (Unix seconds, product), ascending, and when products were last bought; 3 kB.

    Purchases are kept of the products viewed and, to stay bounded, of the 16 to 32 others bought last.
    """

    seen: list[tuple[float, str]] = []
    bought: dict[str, float] = {}

    def view(self, product: str, at: float) -> None:
        """Note a view; let go of the oldest, and of those that will not count again."""
        seen = self.seen
        if not seen or at > seen[-1][0]:
            seen.append((at, product))
        else:
            insort(seen, (at, product))
        while len(seen) > VIEWS or seen[0][0] < seen[-1][0] - SPAN:
            del seen[0]

    def buy(self, products: Iterable[str], at: float) -> None:
        """Note a purchase of products."""
        bought = self.bought
        for product in products:
            if bought.get(product, -math.inf) < at:
                bought[product] = at
        if len(bought) > 2 * BOUGHT + len(self.seen):
            kept = {product for _, product in self.seen}
            kept.update(
                product for _, product in nlargest(BOUGHT, ((at, name) for name, at in bought.items()))
            )
            self.bought = {product: at for product, at in bought.items() if product in kept}

    def merge(self, other: "Views") -> None:
        """Take up the views and purchases of another part of the history."""
        for at, product in other.seen:
            self.view(product, at)
        for product, at in other.bought.items():
            self.buy((product,), at)

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
            if now - at <= SPAN and at > self.bought.get(product, -math.inf):
                count = counts.get(product, 0)
                if count < PER_PRODUCT and (count or len(counts) < PRODUCTS):
                    counts[product] = count + 1
        return list(counts.values())
