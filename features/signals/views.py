"""Views of products, and which of them no purchase followed."""

from bisect import bisect_left, bisect_right, insort

import msgspec

from features.signals.daily import DAY

SPAN = 30 * DAY
"""Seconds for which a view counts."""
PRODUCTS, PER_PRODUCT = 30, 8
"""Products that are kept, those viewed last, and views of one that are, the newest."""
BOUGHT = 40
"""Products whose purchases are kept, the newest, as long as views before them may count: some come late."""


class Views(msgspec.Struct, array_like=True, gc=False):
    """By product the times of views without a purchase since, ascending; the last purchases; 4 kB at most.

    A purchase has its time and its products; they are in time order.
    """

    seen: dict[str, list[float]] = {}
    bought: list[tuple[float, tuple[str, ...]]] = []

    def view(self, product: str, at: float) -> None:
        """Note a view; let go of the product's oldest, and of the product not viewed for longest."""
        bought = self.bought
        if bought and bought[-1][0] >= at and self._was_bought(product, at):  # the last only for a late view
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

    def _was_bought(self, product: str, at: float) -> bool:
        """Whether a purchase at that time or after it is known."""
        for time, products in reversed(self.bought):
            if time < at:
                return False
            if product in products:
                return True
        return False

    def buy(self, products: tuple[str, ...], at: float) -> None:
        """Note a purchase of different products: their views so far had what they were for."""
        if not products:
            return
        bought = self.bought
        insort(bought, (at, products[:BOUGHT]))
        oldest = bought[-1][0] - SPAN
        kept = sum([len(each) for _, each in bought])
        while kept > BOUGHT or bought[0][0] < oldest:
            kept -= len(bought.pop(0)[1])
        seen = self.seen
        if seen:
            for product in seen.keys() & products:
                times = seen[product]
                del times[: bisect_right(times, at)]
                if not times:
                    del seen[product]

    def merge(self, other: "Views") -> None:
        """Take up the views and purchases of another part of the history."""
        for at, products in other.bought:
            self.buy(products, at)
        for product, times in other.seen.items():
            for at in times:
                self.view(product, at)

    def of(self, product: str, since: float) -> int:
        """Views of one product from `since` (Unix seconds) on that no purchase of it followed, 8 at most."""
        times = self.seen.get(product, [])
        return len(times) - bisect_left(times, since)

    def unbought(self, now: float) -> list[int]:
        """Views of each product in the last 30 days that no purchase of it followed, or came with.

        >>> views = Views()
        >>> for product, at in (("tea", 10.0), ("pot", 20.0), ("pot", 30.0)):
        ...     views.view(product, at)
        >>> views.buy(("tea",), 40.0)
        >>> views.unbought(50.0)
        [2]
        """
        oldest = now - SPAN
        return [
            len(times) if times[0] >= oldest else len(times) - bisect_left(times, oldest)
            for times in self.seen.values()
            if times[-1] >= oldest
        ]
