"""Recommendations: what a customer is due to buy again, what goes with it, and what is popular now.

`fit` learns from orders, `publish` puts the result into Redis, `Recommender` answers from there.
"""

import heapq
import math
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec
from redis import Redis

from ebbtide.domain.customer import Stage
from ebbtide.domain.decision import Recommendation
from features.signals.repertoire import HALF_LIFE
from models.copurchase import DAY, ItemTable, Scored, fit
from models.shelf import ITEMS, NEIGHBOURS, POPULAR, Shelf

__all__ = ["ITEMS", "NEIGHBOURS", "POPULAR", "ItemTable", "Recommender", "Wanted", "fit", "publish"]

ANCHORS = 12
"""The heaviest products of a repertoire, whose neighbours are looked at."""
Names = Mapping[str, str | None]
"""What products are called; None for one that is not known."""
_BLOCK = 1_000
_HABIT = 3.0  # purchases, decayed, from which the interval between them is worth telling
_NO_HABIT = 0.5  # how due a product is whose interval is not known
_OWN_SHARE = 0.6  # of the answer that may be products bought before, as long as there are others
_WEIGHTS = {Stage.NEW: (0.6, 0.8, 0.4), Stage.DORMANT: (1.0, 0.4, 0.3), Stage.LOST: (1.0, 0.4, 0.3)}
_DEFAULT_WEIGHTS = (1.0, 0.7, 0.2)  # of what is due, what goes with it, and what is popular


def publish(table: ItemTable, redis: Redis) -> None:
    """Replace what is in Redis by a table; a reader sees the old or the new one of each part."""
    encode = msgspec.msgpack.Encoder().encode
    for key, rows in ((ITEMS, table.items), (NEIGHBOURS, table.neighbours)):
        fresh = f"{key}:new"
        redis.delete(fresh)
        entries = iter(rows.items())
        while block := {product: encode(row) for product, row in islice(entries, _BLOCK)}:
            redis.hset(fresh, mapping=block)
        _ = redis.rename(fresh, key) if rows else redis.delete(key)
    redis.set(POPULAR, encode(table.popular))


class _Candidate:
    """A product that may be shown, and what speaks for it, each from 0 to 1."""

    # Of the class, since most candidates keep most of them, and a decision makes a hundred.
    own = False
    interval: float | None = None
    due = together = popular = score = 0.0
    with_what, with_score = "", 0.0

    def __init__(self, product: str) -> None:
        self.product = product


class Wanted(NamedTuple):
    """What is asked for one customer: at most `limit` products, best first, each name once.

    `repertoire`: (product, purchases decayed to `now` with a half-life of 90 days, last bought in Unix
    seconds), heaviest first; empty for an unknown customer, who gets what is popular. `now` in Unix seconds.
    """

    repertoire: Sequence[tuple[str, float, float]]
    now: float
    stage: Stage
    limit: int
    exclude: Collection[str] = ()


class Recommender:
    """Answers from what `publish` left in Redis, some of which it keeps at hand. For one thread at a time."""

    def __init__(self, redis: Redis) -> None:
        self._shelf = Shelf(redis)

    def recommend(self, wanted: Sequence[Wanted], *, now: float) -> list[tuple[Recommendation, ...]]:
        """Rank products for each of many customers, in three round trips at most for all together.

        The answers are empty if nothing is published. `now` is the present, in Unix seconds.

        Raises:
            StoreError: Redis holds something that `publish` did not write.
            redis.RedisError: Redis cannot be reached.
        """
        shelf = self._shelf
        shelf.refresh(now)
        near = shelf.neighbours(product for one in wanted for product, _, _ in one.repertoire[:ANCHORS])
        ranked = [self._rank(one, near) for one in wanted]
        names = shelf.names(
            product for each in ranked for one in each for product in (one.product, one.with_what) if product
        )
        return [_chosen(each, names, one.stage, one.limit) for each, one in zip(ranked, wanted, strict=True)]

    def _rank(self, one: Wanted, near: Mapping[str, list[Scored]]) -> list[_Candidate]:
        candidates = _own(one.repertoire, one.now)
        _add_together(candidates, one.repertoire[:ANCHORS], near)
        _add_popular(candidates, self._shelf.popular, _room(one.limit) + len(one.exclude))
        return _ranked(candidates, one.stage, one.exclude, one.limit)


def _own(repertoire: Sequence[tuple[str, float, float]], now: float) -> dict[str, _Candidate]:
    found = {product: _Candidate(product) for product, _, _ in repertoire}
    for product, weight, last_at in repertoire:
        each = found[product]
        each.own = True
        each.interval, each.due = _dueness(weight, (now - last_at) / DAY)
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


def _add_together(
    found: dict[str, _Candidate],
    anchors: Sequence[tuple[str, float, float]],
    near: Mapping[str, list[Scored]],
) -> None:
    for product, weight, _ in anchors:
        for other, likeness in near[product]:
            each, share = found.get(other) or found.setdefault(other, _Candidate(other)), weight * likeness
            each.together += share
            if share > each.with_score:
                each.with_what, each.with_score = product, share
    most = max((each.together for each in found.values()), default=0.0) or 1.0
    for each in found.values():
        each.together /= most


def _add_popular(found: dict[str, _Candidate], popular: list[Scored], most: int) -> None:
    """Tell what is popular; of products that nothing else speaks for, only the `most` popular can matter."""
    for product, popularity in popular:
        each = found.get(product)
        if each is None:
            if not most:
                continue
            most -= 1
            each = found[product] = _Candidate(product)
        each.popular = popularity


def _room(limit: int) -> int:
    """How many candidates are kept for so many places: some share a name, some have none."""
    return 2 * limit + 15


def _ranked(
    found: dict[str, _Candidate], stage: Stage, exclude: Collection[str], limit: int
) -> list[_Candidate]:
    """Score the candidates and keep the best: enough to fill the answer when some share a name."""
    due, together, popular = _WEIGHTS.get(stage, _DEFAULT_WEIGHTS)
    for each in found.values():
        each.score = due * each.due + together * each.together + popular * each.popular
    allowed = (each for each in found.values() if each.product not in exclude)
    return heapq.nsmallest(_room(limit), allowed, key=lambda each: (-each.score, each.product))


def _chosen(ranked: list[_Candidate], names: Names, stage: Stage, limit: int) -> tuple[Recommendation, ...]:
    """Take the best, one per name; products bought before fill their share, and what nothing else fills.

    A product that the table does not know, since it was first bought after `fit`, has no name to be shown by;
    it is left out, unless no product has one.
    """
    by_name: dict[str, _Candidate] = {}
    for each in [each for each in ranked if names.get(each.product)] or ranked:
        by_name.setdefault(names.get(each.product) or each.product, each)
    distinct = by_name.values()
    own = [each for each in distinct if each.own][: math.ceil(limit * _OWN_SHARE)]
    other = [each for each in distinct if not each.own][: limit - len(own)]
    taken = {each.product for each in own + other}
    spare = [each for each in distinct if each.product not in taken][: limit - len(taken)]
    best = sorted(own + other + spare, key=lambda each: (-each.score, each.product))
    return tuple(
        Recommendation(
            each.product,
            names.get(each.product) or each.product,
            round(each.score, 4),
            _reason(each, names, stage),
        )
        for each in best
    )


def _reason(each: _Candidate, names: Names, stage: Stage) -> str:
    if each.own:
        if each.interval is None:
            return "you bought it before"
        days = round(each.interval)
        return "you buy it every day or so" if days < 2 else f"you buy it every ~{days} days"
    _, together, popular = _WEIGHTS.get(stage, _DEFAULT_WEIGHTS)
    if each.with_what and together * each.together >= popular * each.popular:
        return f"bought together with {names.get(each.with_what) or each.with_what}"
    return "popular now"
