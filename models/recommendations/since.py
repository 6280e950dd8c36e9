"""A customer's ranked list, moved by what happened since it was made.

With nothing new the list stays as it is, which is what `ebbtide evaluate recommendations` measures. Scores
are probabilities as in the list; what comes from views and carts, of which the list knows nothing, is set so
that a product viewed today stands among those that are bought again as a rule.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice

from ebbtide.domain.customer import Stage
from features.signals.daily import DAY
from models.recommendations.charts import ALL
from models.recommendations.cold import FADES, nth
from models.recommendations.ranked import Ranked
from models.recommendations.shelf import Neighbours, Shelf
from models.recommendations.shown import Arrived, Beside, InCart, Own, Shown, Viewed, Why, With
from models.recommendations.wanted import ANCHORS, Wanted

IN_CART, VIEWED = 0.2, 0.1
"""What lying in the cart and a view now add to a product's chance."""
TOGETHER, BESIDE = 0.15, 0.05
"""What a neighbour of what was just bought, or viewed, gains: so much times its likeness."""
AGAIN = 0.2
"""Of the chance of a product just bought whose interval is not known."""
POPULAR = 10
"""Of the chart, by whose chances those of new products are scaled."""
_CAME_FOR = {Stage.SLIPPING: 2.0, Stage.DORMANT: 2.0, Stage.LOST: 2.0}
"""How much more the cart and the views of those count who are going away: it is what they came for."""
_DISCOVERS = {Stage.NEW: 2.0, Stage.SLIPPING: 0.5, Stage.DORMANT: 0.5, Stage.LOST: 0.5}
"""How much more or less what is new in the shop counts."""

Near = Mapping[str, Neighbours | None]


def anchors(one: Wanted, known: Ranked) -> list[str]:
    """Products whose neighbours move the list: in the cart, viewed, or bought since."""
    found = [*one.cart, *(product for product, _ in one.viewed), *_bought(one, known)]
    return list(dict.fromkeys(found))[:ANCHORS]


def answer(
    one: Wanted, known: Ranked, held: Sequence[str], near: Near, shelf: Shelf, most: int
) -> list[Shown]:
    """The best so many products, from the customer's `anchors`."""
    bought = _bought(one, known)
    added = _added(one, known, held, bought, near, shelf)
    if not bought and not added:
        return _first(known, one, most)
    scores = dict(zip(known.products, known.scores(), strict=True))
    places = {product: place for place, product in enumerate(known.products)}
    for product in bought.keys() & places.keys():
        scores[product] *= _due(known.why(places[product]), (one.now - bought[product]) / DAY)
    told: dict[str, Why] = {}
    for product, shown in added.items():
        before = scores.get(product, 0.0)
        scores[product] = _either(before, shown.score)
        if product not in places or shown.score > before:  # the stronger is told
            told[product] = shown.why
    for product in one.exclude:
        scores.pop(product, None)
    least = nth(scores.values(), most)
    best = [product for product, score in scores.items() if score >= least]
    best.sort(key=scores.__getitem__, reverse=True)  # of equal ones the first
    return [
        Shown(product, scores[product], told[product] if product in told else known.why(places[product]))
        for product in best[:most]
    ]


def _first(known: Ranked, one: Wanted, most: int) -> list[Shown]:
    """The list as it is."""
    allowed = (place for place, product in enumerate(known.products) if product not in one.exclude)
    scores = known.scores()
    return [Shown(known.products[place], scores[place], known.why(place)) for place in islice(allowed, most)]


def _bought(one: Wanted, known: Ranked) -> dict[str, float]:
    """What was bought since, and when last (Unix seconds of that day)."""
    if one.last_at <= known.made_at:
        return {}
    lasts = dict(zip(known.products, known.days(), strict=True))
    day = known.made_at // DAY
    return {product: last for product, _, last in one.repertoire if last > DAY * lasts.get(product, day - 1)}


def _due(why: Why, days: float) -> float:
    """How due a product is again, so many days after it was bought: from 0 to 1."""
    if isinstance(why, Own) and why.gap:
        return min(max(days, 0.0) / why.gap, 1.0)
    return AGAIN


def _either(one: float, other: float) -> float:
    """The probability that one or the other is so, each by itself."""
    return 1.0 - (1.0 - one) * (1.0 - other)


def _added(
    one: Wanted, known: Ranked, held: Sequence[str], bought: dict[str, float], near: Near, shelf: Shelf
) -> dict[str, Shown]:
    """What speaks for products beside the list."""
    found: dict[str, Shown] = {}
    sources = (
        _looked_at(one),
        _beside(held, bought, near),
        _arrived(one, known, shelf),
    )
    for shown in chain(*sources):
        before = found.get(shown.product)
        if before is not None:
            why = before.why if before.score >= shown.score else shown.why
            shown = Shown(shown.product, _either(before.score, shown.score), why)
        found[shown.product] = shown
    return found


def _looked_at(one: Wanted) -> Iterator[Shown]:
    """What lies in the cart, and what was viewed and not bought."""
    came_for = _CAME_FOR.get(one.stage, 1.0)
    for product in one.cart:
        yield Shown(product, IN_CART * came_for, InCart())
    for product, at in one.viewed:
        age = max(one.now - at, 0.0) / DAY
        yield Shown(product, VIEWED * came_for * 0.5 ** (age / FADES), Viewed())


def _beside(products: Sequence[str], bought: dict[str, float], near: Near) -> Iterator[Shown]:
    """What goes with what was looked at or bought since, and was not bought since itself."""
    for product in products:
        if (its := near.get(product)) is None:
            continue
        viewed, had = Beside(product), With(product)
        for other, likeness in its.beside if product not in bought else ():
            if other not in bought:
                yield Shown(other, BESIDE * likeness, viewed)
        for other, likeness in its.together:
            if other not in bought:
                yield Shown(other, TOGETHER * likeness, had)


def _arrived(one: Wanted, known: Ranked, shelf: Shelf) -> list[Shown]:
    """New products, which the list could not know, as likely as they are popular beside what it does know."""
    new = [each for each in shelf.arrivals if each.first > known.made_at]
    if not new:
        return []
    chances = dict(zip(known.products, known.scores(), strict=True))
    popular = shelf.charts((ALL,))[ALL][:POPULAR]
    both = [(chances[product], weight) for product, weight in popular if product in chances]
    if both:
        scale = sum(chance for chance, _ in both) / sum(weight for _, weight in both)
    else:
        scale = min(chances.values(), default=0.0) / popular[0][1]
    scale *= _DISCOVERS.get(one.stage, 1.0)
    return [Shown(each.product, scale * each.weight, Arrived()) for each in new]
