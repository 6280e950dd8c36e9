"""An answer from the item statistics alone, for customers without a ranked list.

What the customer is due to buy again, what goes with what they bought, viewed or put into the cart, and what
is popular: in their country, among newcomers, of the categories and brands that they looked at.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from heapq import nsmallest

from ebbtide.domain.customer import Stage
from features.signals.daily import DAY
from features.signals.repertoire import HALF_LIFE
from models.charts import ALL, NEW, NEWCOMERS, of_brand, of_category, of_country
from models.shelf import Neighbours, Shelf
from models.shown import Arrived, Beside, InCart, Own, Popular, Shown, Viewed, Why, With
from models.wanted import ANCHORS, Wanted

KINDS = 3
"""Categories, and brands, whose charts are looked at: of what was viewed, put into the cart or bought."""
_HABIT = 3.0  # purchases, decayed, from which the interval between them is worth telling
_NO_HABIT = 0.5  # how due a product is whose interval is not known
_VIEWED, _IN_CART = 0.6, 0.8
_WEIGHTS = {Stage.NEW: (0.6, 0.8, 0.4), Stage.DORMANT: (1.0, 0.4, 0.3), Stage.LOST: (1.0, 0.4, 0.3)}
_DEFAULT_WEIGHTS = (1.0, 0.7, 0.2)  # of what is due or was looked at, what goes with it, and what is popular
_CHARTS = {ALL: 0.8, NEW: 0.8, NEWCOMERS: 0.9}
"""How much popularity counts beside that in a chart of the customer's own."""

Near = Mapping[str, Neighbours | None]


def anchors(one: Wanted) -> list[str]:
    """Products whose neighbours and kinds are looked at."""
    found = [
        *one.cart,
        *(product for product, _ in one.viewed),
        *(product for product, _, _ in one.repertoire),
    ]
    return list(dict.fromkeys(found))[:ANCHORS]


def charts(one: Wanted, near: Near) -> list[str]:
    """The names of the charts that fit the customer, the one of all last."""
    kinds: dict[str, None] = {}
    known = [its.facts for product in anchors(one) if (its := near.get(product)) is not None]
    kinds |= dict.fromkeys(
        list(dict.fromkeys(of_category(one.category) for one in known if one.category))[:KINDS]
    )
    kinds |= dict.fromkeys(list(dict.fromkeys(of_brand(one.brand) for one in known if one.brand))[:KINDS])
    own = [of_country(one.country)] if one.country else []
    return [*kinds, *own, *([NEWCOMERS] if one.newcomer else []), NEW, ALL]


def answer(one: Wanted, near: Near, shelf: Shelf, most: int) -> list[Shown]:
    """The best so many products."""
    due, together, popular = _WEIGHTS.get(one.stage, _DEFAULT_WEIGHTS)
    found: dict[str, _Candidate] = {}
    for product, score, why in _looked_at(one):
        _of(found, product).add(due * score, why)
    likest = list(_beside(one, near))
    top = max((likeness for _, likeness, _ in likest), default=0.0) or 1.0
    for product, likeness, why in likest:
        _of(found, product).add(together * likeness / top, why)
    for product, score, why in _popular(charts(one, near), shelf, most + len(one.exclude)):
        _of(found, product).add(popular * score, why)
    allowed = (each for each in found.values() if each.product not in one.exclude)
    best = nsmallest(most, allowed, key=lambda each: (-each.score, each.product))
    return [Shown(each.product, each.score, each.why) for each in best]


class _Candidate:
    """A product, and all that speaks for it; the strongest is told."""

    __slots__ = ("product", "score", "strongest", "why")

    def __init__(self, product: str) -> None:
        self.product, self.score, self.strongest = product, 0.0, -1.0
        self.why: Why = Popular()

    def add(self, score: float, why: Why) -> None:
        self.score += score
        if score > self.strongest and not isinstance(self.why, Own):  # its own is always told
            self.strongest, self.why = score, why


def _of(found: dict[str, _Candidate], product: str) -> _Candidate:
    return found.get(product) or found.setdefault(product, _Candidate(product))


def _looked_at(one: Wanted) -> Iterable[tuple[str, float, Why]]:
    for product, weight, last_at in one.repertoire:
        gap, due = _dueness(weight, (one.now - last_at) / DAY)
        yield product, due, Own(0 if gap is None else max(round(gap), 1), last_at)
    for product in one.cart:
        yield product, _IN_CART, InCart()
    for product, at in one.viewed:
        yield product, _VIEWED * 0.5 ** (max(one.now - at, 0.0) / DAY / 3.0), Viewed()


def _dueness(weight: float, days_ago: float) -> tuple[float | None, float]:
    """Return the interval in days between purchases, if it is known, and how due the next one is, 0 to 1.

    Bought every T days for long, a product's decayed count right after a purchase is 1 / (1 - 2^(-T/h)), h
    being the half-life; solved for T. After a short history T comes out too long, never too short.
    """
    days_ago = max(days_ago, 0.0)
    at_last = weight * 2.0 ** min(days_ago / HALF_LIFE, 60.0)
    strength = weight / (1.0 + weight)
    if at_last < _HABIT:
        return None, strength * _NO_HABIT
    interval = -HALF_LIFE * math.log2(1.0 - 1.0 / at_last)
    return interval, strength * min(1.0, days_ago / interval) if interval else strength


def _beside(one: Wanted, near: Near) -> Iterable[tuple[str, float, Why]]:
    """What is bought or viewed together with what the customer bought, viewed or put into the cart."""
    held = {product: weight for product, weight, _ in one.repertoire}
    for product in anchors(one):
        if (its := near.get(product)) is None:
            continue
        weight = held.get(product, 1.0)
        for other, likeness in its.together:
            yield other, weight * likeness, With(product)
        for other, likeness in its.beside if product not in held else ():
            yield other, weight * likeness, Beside(product)


def _popular(names: Sequence[str], shelf: Shelf, most: int) -> Iterable[tuple[str, float, Why]]:
    """The best of each chart, beside the best of all in it; a product counts by its best chart."""
    found: dict[str, tuple[float, Why]] = {}
    known = shelf.charts(names)
    for name in names:
        chart, share = known[name][:most], _CHARTS.get(name, 1.0)
        kind, _, what = name.partition(":")
        why: Why = Arrived() if name == NEW else Popular(what if kind in ("category", "brand") else "")
        for product, weight in chart:
            score = share * weight / chart[0][1] if chart[0][1] else 0.0
            if product not in found or score > found[product][0]:
                found[product] = (score, why)
    top = known[ALL][0][1] if known[ALL] else 0.0
    for each in shelf.unseen[:most]:
        found.setdefault(each.product, (each.weight / max(top, each.weight), Arrived()))
    return ((product, *scored) for product, scored in found.items())
