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
    """By product the time of the view that no purchase followed, or of several, ascending; 4 kB at most.

    A purchase has its time and its products; they are in time order.
    """

    seen: dict[str, float | list[float]] = {}
    bought: list[tuple[float, tuple[str, ...]]] = []

    def view(self, product: str, at: float) -> None:
        """Note a view; let go of the product's oldest, and of the product not viewed for longest."""
        bought = self.bought
        if bought and bought[-1][0] >= at and self._was_bought(product, at):  # the last only for a late view
            return
        times = self.seen.get(product)
        if times is None:
            self.seen[product] = at
            if len(self.seen) > PRODUCTS:
                del self.seen[min(self.seen, key=self._rank)]
        elif isinstance(times, float):
            self.seen[product] = [times, at] if at >= times else [at, times]
        else:
            if at >= times[-1]:
                times.append(at)
            else:
                insort(times, at)
            if len(times) > PER_PRODUCT:
                del times[0]

    def _rank(self, product: str) -> tuple[float, str]:
        """What is let go first: the product not viewed for longest."""
        times = self.seen[product]
        return (times if isinstance(times, float) else times[-1], product)

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
        if self.seen:
            for product in self.seen.keys() & products:
                self._forget(product, at)

    def _forget(self, product: str, until: float) -> None:
        """Let go of a product's views up to a time."""
        times = self.seen[product]
        if isinstance(times, float):
            times = [times]
        left = times[bisect_right(times, until) :]
        if len(left) > 1:
            self.seen[product] = left
        elif left:
            self.seen[product] = left[0]
        else:
            del self.seen[product]

    def merge(self, other: "Views") -> None:
        """Take up the views and purchases of another part of the history."""
        for at, products in other.bought:
            self.buy(products, at)
        for product, times in other.seen.items():
            for at in (times,) if isinstance(times, float) else times:
                self.view(product, at)

    def of(self, product: str, since: float) -> int:
        """Views of one product from `since` (Unix seconds) on that no purchase of it followed, 8 at most."""
        times = self.seen.get(product, ())
        return sum(at >= since for at in ((times,) if isinstance(times, float) else times))

    def latest(self, now: float) -> list[tuple[str, float]]:
        """Products viewed in 30 days that no purchase followed, with the last view of each, latest first.

        >>> views = Views()
        >>> for product, at in (("tea", 10.0), ("pot", 20.0), ("tea", 30.0)):
        ...     views.view(product, at)
        >>> views.latest(50.0)
        [('tea', 30.0), ('pot', 20.0)]
        """
        if not self.seen:
            return []
        lasts = [
            (times if isinstance(times, float) else times[-1], product)
            for product, times in self.seen.items()
        ]
        return [(product, at) for at, product in sorted(lasts, reverse=True) if at >= now - SPAN]

    def most_viewed(self, now: float) -> str | None:
        """The product with most views in 30 days that no purchase followed; of several the last viewed.

        >>> views = Views()
        >>> for product, at in (("tea", 10.0), ("pot", 20.0), ("tea", 30.0)):
        ...     views.view(product, at)
        >>> views.most_viewed(50.0)
        'tea'
        """
        latest = [product for product, _ in self.latest(now)]
        return max(latest, key=lambda product: self.of(product, now - SPAN), default=None)

    def unbought(self, now: float) -> tuple[int, int]:
        """Products viewed in the last 30 days that no purchase followed, or came with: most views, how many.

        >>> views = Views()
        >>> for product, at in (("tea", 10.0), ("pot", 20.0), ("pot", 30.0)):
        ...     views.view(product, at)
        >>> views.buy(("tea",), 40.0)
        >>> views.unbought(50.0)
        (2, 1)
        """
        oldest = now - SPAN
        most = number = 0
        for times in self.seen.values():
            if isinstance(times, float):
                if times < oldest:
                    continue
                count = 1
            elif times[-1] < oldest:
                continue
            else:
                count = len(times) - bisect_left(times, oldest)
            number += 1
            if count > most:
                most = count
        return (most, number)
