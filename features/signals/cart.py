"""The open cart: the products added since the last order and not removed since.

For each product only its newest mark counts, so events may come in any order. Of an addition and a removal
at one time the removal counts; of two additions the one worth more.
"""

import math

import msgspec

PRODUCTS = 20
"""Products that the cart holds: those added last."""
MARKS = 40
"""Products that are kept, removed ones among them: those added or removed last."""
REMOVED = math.inf
"""Stands for the worth of a product that was taken out: larger than any, it wins among marks of one time."""


class Mark(msgspec.Struct, array_like=True, frozen=True, order=True, gc=False):
    """When a product was added or removed (Unix seconds), and its worth."""

    at: float
    worth: float


class Cart(msgspec.Struct, array_like=True, gc=False):
    """Per product time (Unix seconds) and worth of its newest mark after the last order; 1.4 kB."""

    ordered_at: float = -math.inf
    marks: dict[str, Mark] = {}

    def mark(self, product: str, at: float, worth: float) -> None:
        """Note that a product was added, worth price times quantity, or that it was `REMOVED`."""
        if at <= self.ordered_at:
            return
        mark, found = Mark(at, worth), self.marks.get(product)
        if found is None or mark > found:
            self.marks[product] = mark
            if len(self.marks) > MARKS:
                del self.marks[min(self.marks, key=lambda product: (self.marks[product].at, product))]

    def order(self, at: float) -> None:
        """Empty the cart of all that came before, or with, an order."""
        if at > self.ordered_at:
            self.ordered_at = at
            if self.marks:
                self.marks = {product: mark for product, mark in self.marks.items() if mark.at > at}

    def merge(self, other: "Cart") -> None:
        """Take up the marks and the last order of another part of the history."""
        self.order(other.ordered_at)
        for product, mark in other.marks.items():
            self.mark(product, mark.at, mark.worth)

    def lines(self) -> list[Mark]:
        """The mark of each product in the cart, newest first.

        >>> cart = Cart()
        >>> cart.mark("tea", 10.0, 4.0), cart.mark("pot", 20.0, 30.0), cart.mark("tea", 30.0, REMOVED)
        (None, None, None)
        >>> cart.lines()
        [Mark(at=20.0, worth=30.0)]
        """
        held = [mark for mark in self.marks.values() if mark.worth < REMOVED]
        return sorted(held, reverse=True)[:PRODUCTS] if len(held) > 1 else held

    def products(self) -> list[str]:
        """The products in the cart, the one added last first."""
        held = [(mark, product) for product, mark in self.marks.items() if mark.worth < REMOVED]
        return [product for _, product in sorted(held, reverse=True)[:PRODUCTS]]
