"""What may be shown of ranked products, and in which mixture: by stock, dates, purchases, and who may see it.

Pure, and made for the hot path: candidates are looked at from the best on, until the answer is full.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from ebbtide.domain.item import Item, value_of
from models.expressions import Expression, Facts

DUE = 0.75
"""The part of the usual time between two purchases after which a product may be shown again."""


class Candidate(Protocol):
    """A product that a customer may be shown."""

    @property
    def product(self) -> str:
        """Its id."""

    @property
    def days_ago(self) -> float | None:
        """How many days ago the customer bought it last; None: never."""

    @property
    def interval(self) -> float | None:
        """The usual time between the customer's purchases of it, in days; None where that is not known."""


Ranked = TypeVar("Ranked", bound=Candidate)


@dataclass(frozen=True)
class Terms:
    """The terms on which items are shown at a decision point.

    Args:
        eligible: a condition over item and customer; None: everybody may see everything.
        again_after: days in which what was bought is not shown again, unless it is due.
        category_share: of the places that items of one category take, as long as there are others.
        brand_share: the same of one brand.
    """

    eligible: Expression | None = None
    again_after: float = 3.0
    category_share: float = 0.5
    brand_share: float = 1.0


OPEN = Terms(again_after=0.0, category_share=1.0)
"""Terms that leave everything as it is ranked, but for stock and dates."""


def offered(
    ranked: Iterable[Ranked],
    items: Mapping[str, Item],
    terms: Terms,
    *,
    limit: int,
    now: float,
    facts: Facts,
) -> list[Ranked]:
    """The products to show, in their order, of those that share a name the first.

    Of a category or a brand that has its share, more come only where nothing else is left.

    Args:
        ranked: candidates, the best first; looked at only until `limit` are found.
        items: what is known of them; of a product that is not among them nothing is.
        terms: of the decision point.
        limit: at most so many.
        now: Unix seconds, UTC.
        facts: of the customer, for conditions.
    """
    taken: dict[str, tuple[int, Ranked]] = {}
    spare: dict[str, tuple[int, Ranked]] = {}
    places = _Places(terms, limit)
    eligible = None if terms.eligible is None else _Eligible(terms.eligible, facts)
    for rank, each in enumerate(ranked):
        if len(taken) == limit:
            break
        product = each.product
        item = items.get(product) or Item(product)
        name = item.name or product
        if name in taken or not item.available(now) or _too_soon(each, terms.again_after):
            continue
        if eligible is None or eligible.holds(item):
            (taken if places.take(item) else spare).setdefault(name, (rank, each))
    left = [found for name, found in spare.items() if name not in taken]
    found = sorted([*taken.values(), *left[: limit - len(taken)]], key=lambda pair: pair[0])
    return [each for _, each in found]


def _too_soon(each: Candidate, again_after: float) -> bool:
    """Whether it was just bought, and is not one that the customer buys again and that is due."""
    if each.days_ago is None or each.days_ago >= again_after:
        return False
    return each.interval is None or each.days_ago < DUE * each.interval


class _Places:
    """The places that each category and each brand may take."""

    def __init__(self, terms: Terms, limit: int) -> None:
        self._of_category = math.ceil(limit * terms.category_share)
        self._of_brand = math.ceil(limit * terms.brand_share)
        self._categories: dict[str, int] = {}
        self._brands: dict[str, int] = {}

    def take(self, item: Item) -> bool:
        """Take a place, if there is one; what has no category or brand always finds one."""
        category, brand = item.category or "", item.brand or ""
        of_category, of_brand = self._categories.get(category, 0), self._brands.get(brand, 0)
        if (category and of_category >= self._of_category) or (brand and of_brand >= self._of_brand):
            return False
        self._categories[category], self._brands[brand] = of_category + 1, of_brand + 1
        return True


class _Eligible:
    """Who may see an item: judged once for items that the condition cannot tell apart."""

    def __init__(self, condition: Expression, facts: Facts) -> None:
        self._condition, self._facts = condition, facts
        self._read = [name for root, name in condition.reads if root == "item"]
        self._known: dict[str, bool] = {}

    def holds(self, item: Item) -> bool:
        seen: dict[str, Any] = {name: value_of(item, name) for name in self._read}
        key = repr(seen)
        if key not in self._known:
            self._known[key] = self._condition.holds(self._facts.of(seen))
        return self._known[key]
