"""An answer from the item statistics alone, for customers without a ranked list.

What the customer is due to buy again, what goes with what they bought, viewed or put into the cart, and what
is popular: in their country, among newcomers, of the categories and brands that they looked at.
"""

import math
from collections.abc import Collection, Mapping, Sequence

from ebbtide.domain.customer import Stage
from features.signals.daily import DAY
from features.signals.repertoire import HALF_LIFE
from models.recommendations.charts import ALL, NEW, NEWCOMERS, of_brand, of_category, of_country
from models.recommendations.shelf import Neighbours, Shelf
from models.recommendations.shown import Arrived, Beside, InCart, Own, Popular, Shown, Viewed, Why, With
from models.recommendations.wanted import ANCHORS, Wanted

KINDS = 3
"""Categories, and brands, whose charts are looked at: of what was viewed, put into the cart or bought."""
LIKEST = 10
"""Neighbours of a product that are looked at."""
FADES = 3.0
"""Days after which a view counts half."""
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


def charts(one: Wanted, held: Sequence[str], near: Near) -> list[str]:
    """The names of the charts that fit the customer with these anchors, the one of all last."""
    known = [its.facts for product in held if (its := near.get(product)) is not None]
    categories = list(dict.fromkeys([each.category for each in known if each.category]))[:KINDS]
    brands = list(dict.fromkeys([each.brand for each in known if each.brand]))[:KINDS]
    own = [of_country(one.country)] if one.country else []
    newcomers = [NEWCOMERS] if one.newcomer else []
    return [*map(of_category, categories), *map(of_brand, brands), *own, *newcomers, NEW, ALL]


def answer(
    one: Wanted, held: Sequence[str], names: Sequence[str], near: Near, shelf: Shelf, most: int
) -> list[Shown]:
    """The best so many products, from the customer's `anchors` and the names of their `charts`."""
    due, together, popular = _WEIGHTS.get(one.stage, _DEFAULT_WEIGHTS)
    looked_at = _looked_at(one)
    own = {product: due * value for product, (value, _) in looked_at.items()}
    beside, because = _beside(one, held, near)
    top = max(beside.values(), default=0.0) or 1.0
    for product, likeness in beside.items():
        own[product] = own.get(product, 0.0) + together * likeness / top
    charted = _charted(names, shelf, most + len(one.exclude))
    score = {product: popular * value for product, (value, _) in charted.items()}
    for product, value in own.items():  # few, where charts are many
        score[product] = value + score.get(product, 0.0)
    for product in one.exclude:
        score.pop(product, None)

    def why(product: str) -> Why:
        """What the customer did, else the stronger of the two."""
        if product in looked_at:
            return looked_at[product][1]
        value, chart = charted.get(product, (0.0, ALL))
        if product in because and together * beside[product] / top >= popular * value:
            other, viewed = because[product]
            return Beside(other) if viewed else With(other)
        return _of_chart(chart)

    least = nth(score.values(), most)
    # Pairs in order, which is faster than a key for each.
    best = sorted([(-value, product) for product, value in score.items() if value >= least])[:most]
    return [Shown(product, -value, why(product)) for value, product in best]


def nth(values: Collection[float], place: int) -> float:
    """The value at a place from the highest on, counted from 1; minus infinity if there are not so many.

    Of a hundred products ten are shown. It is faster to find out which, and put those alone in order.
    """
    return sorted(values, reverse=True)[place - 1] if len(values) >= place else -math.inf


def _looked_at(one: Wanted) -> dict[str, tuple[float, Why]]:
    """What was bought, viewed or put into the cart, from 0 to 1; what was bought before counts by that."""
    found: dict[str, tuple[float, Why]] = {}
    for product, at in one.viewed:
        found[product] = (_VIEWED * 0.5 ** (max(one.now - at, 0.0) / DAY / FADES), Viewed())
    for product in one.cart:
        found[product] = (_IN_CART, InCart())
    for product, weight, last_at in one.repertoire:
        gap, due = _dueness(weight, (one.now - last_at) / DAY)
        more = found[product][0] if product in found else 0.0
        found[product] = (due + more, Own(0 if gap is None else max(round(gap), 1), last_at))
    return found


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


def _beside(
    one: Wanted, anchored: Sequence[str], near: Near
) -> tuple[dict[str, float], dict[str, tuple[str, bool]]]:
    """What is bought or viewed together with what the customer bought, viewed or put into the cart.

    Gives the likeness to all of it, and what each is likest to, with whether that was viewed only.
    """
    held = {product: weight for product, weight, _ in one.repertoire}
    total: dict[str, float] = {}
    most: dict[str, float] = {}
    because: dict[str, tuple[str, bool]] = {}
    for product in anchored:
        if (its := near.get(product)) is None:
            continue
        weight = held.get(product, 1.0)
        sources = [(its.together[:LIKEST], False), ((), True) if product in held else (its.beside, True)]
        for others, viewed in sources:
            source = (product, viewed)
            for other, likeness in others:
                share = weight * likeness
                if other not in total:
                    total[other] = most[other] = share
                    because[other] = source
                    continue
                total[other] += share
                if share > most[other]:
                    most[other], because[other] = share, source
    return total, because


def _charted(names: Sequence[str], shelf: Shelf, most: int) -> dict[str, tuple[float, str]]:
    """The best of each chart, beside the first of it, and the chart in which a product stands best."""
    found: dict[str, tuple[float, str]] = {}
    known = shelf.charts(names)
    for name in names:
        chart = known[name][:most]
        scale = _CHARTS.get(name, 1.0) / (chart[0][1] or 1.0) if chart else 0.0
        for product, weight in chart:
            value, before = scale * weight, found.get(product)
            if before is None or value > before[0]:
                found[product] = (value, name)
    top = known[ALL][0][1] if known[ALL] else 0.0
    for each in shelf.unseen[:most]:
        found.setdefault(each.product, (each.weight / max(top, each.weight), NEW))
    return found


def _of_chart(name: str) -> Why:
    if name == NEW:
        return Arrived()
    kind, _, what = name.partition(":")
    return Popular(what if kind in ("category", "brand") else "")
