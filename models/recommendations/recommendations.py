"""Recommendations: the ranked list of the customer, moved by what happened since it was made.

`models.recommendations.ranker` makes the lists when it trains, and the flow keeps the item statistics;
`Recommender` answers from both. A customer without a list gets an answer from the statistics alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain

import msgspec
from redis import Redis

from ebbtide.domain.decision import Recommendation
from ebbtide.domain.item import DAY, Item
from models.recommendations import cold, since
from models.recommendations.offering import offered
from models.recommendations.shelf import Shelf
from models.recommendations.shown import Own, Shown, named, words
from models.recommendations.wanted import Wanted

SPARE, MANY = 5, 200
"""Candidates kept beyond those asked for, since some may not be shown; where that leaves too few."""


class Recommender:
    """Answers from Redis, some of which it keeps at hand. For one thread at a time."""

    def __init__(self, redis: Redis) -> None:
        self._shelf = Shelf(redis)

    def recommend(self, wanted: Sequence[Wanted], *, now: float) -> list[tuple[Recommendation, ...]]:
        """Rank products for each of many customers, in a few round trips for all together.

        The answers are empty if nothing is known of any product. `now` is the present, in Unix seconds.

        Raises:
            StoreError: Redis holds something that Ebbtide did not write.
            redis.RedisError: Redis cannot be reached.
        """
        self._shelf.refresh(now)
        found, short = self._found(wanted, SPARE)
        if short:
            more, _ = self._found([wanted[place] for place in short], MANY)
            for place, each in zip(short, more, strict=True):
                found[place] = each
        return found

    def _found(
        self, wanted: Sequence[Wanted], spare: int
    ) -> tuple[list[tuple[Recommendation, ...]], list[int]]:
        """What to show each customer, and the places of those for whom more candidates might give more."""
        best = self._best(wanted, spare)
        items = self._shelf.items(named(chain.from_iterable(best)))
        found = [_chosen(each, items, one) for each, one in zip(best, wanted, strict=True)]
        short = [
            place
            for place, (one, each) in enumerate(zip(wanted, best, strict=True))
            if len(found[place]) < one.limit and len(each) == one.limit + spare
        ]
        return found, short

    def _best(self, wanted: Sequence[Wanted], spare: int) -> list[list[Shown]]:
        """The candidates of each customer, best first, more than are asked for."""
        shelf = self._shelf
        held = [_anchors(one) for one in wanted]
        near = shelf.neighbours(chain.from_iterable(held))
        names = [
            cold.charts(one, each, near) if one.ranked is None else []
            for one, each in zip(wanted, held, strict=True)
        ]
        shelf.charts(chain.from_iterable(names))
        return [
            cold.answer(one, each, charts, near, shelf, one.limit + spare)
            if one.ranked is None
            else since.answer(one, one.ranked, each, near, shelf, one.limit + spare)
            for one, each, charts in zip(wanted, held, names, strict=True)
        ]


def _anchors(one: Wanted) -> Sequence[str]:
    return cold.anchors(one) if one.ranked is None else since.anchors(one, one.ranked)


class _Place(msgspec.Struct, frozen=True):
    """A candidate as it is ranked, with what its terms ask of it (see `models.recommendations.offering`)."""

    product: str
    days_ago: float | None
    interval: float | None
    shown: Shown


def _chosen(best: Sequence[Shown], items: Mapping[str, Item], one: Wanted) -> tuple[Recommendation, ...]:
    """The best that may be shown; a product whose name is not known goes by its id."""

    def name(product: str) -> str:
        return items[product].name or product

    def other(product: str, than: str) -> str:
        return name(product) if name(product) != name(than) else f"{name(product)} ({product})"

    found = []
    terms, facts = one.terms, one.facts
    for place in offered(_places(best, one), items, terms, limit=one.limit, now=one.now, facts=facts):
        shown, product = place.shown, place.product
        item, told = items[product], words(shown.why, partial(other, than=product))
        found.append(
            Recommendation(product, item.name or product, round(shown.score, 4), told, item.url, item.image)
        )
    return tuple(found)


def _places(best: Sequence[Shown], one: Wanted) -> Iterator[_Place]:
    lasts = {product: last for product, _, last in one.repertoire}
    for shown in best:
        product, why = shown.product, shown.why
        gap, last = None, lasts.get(product)
        if isinstance(why, Own):
            gap, last = why.gap or None, why.last if last is None else max(last, why.last)
        if product in one.cart:
            last = None  # they want it again
        yield _Place(product, None if last is None else max(one.now - last, 0.0) / DAY, gap, shown)
