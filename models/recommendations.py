"""Recommendations: the ranked list of the customer, moved by what happened since it was made.

`models.ranker` makes the lists when it trains, and the flow keeps the item statistics; `Recommender` answers
from both. A customer without a list gets an answer from the statistics alone.
"""

from collections.abc import Mapping, Sequence

from redis import Redis

from ebbtide.domain.decision import Recommendation
from models import cold, ranked, since
from models.ranked import Ranked
from models.shelf import Facts, Shelf
from models.shown import Shown, words
from models.wanted import Wanted

SPARE = 10
"""Candidates kept beyond those asked for: some share a name."""


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
        best = self._best(wanted)
        facts = self._shelf.facts(product for each in best for shown in each for product in shown.named())
        return [_chosen(each, facts, one.limit) for each, one in zip(best, wanted, strict=True)]

    def _best(self, wanted: Sequence[Wanted]) -> list[list[Shown]]:
        """The candidates of each customer, best first, more than are asked for."""
        shelf, asked = self._shelf, [(one, _list(one)) for one in wanted]
        near = shelf.neighbours(product for one, known in asked for product in _anchors(one, known))
        shelf.charts(name for one, known in asked if known is None for name in cold.charts(one, near))
        return [
            cold.answer(one, near, shelf, one.limit + SPARE)
            if known is None
            else since.answer(one, known, near, shelf, one.limit + SPARE)
            for one, known in asked
        ]


def _list(one: Wanted) -> Ranked | None:
    return None if one.ranked is None else ranked.decode(one.ranked)


def _anchors(one: Wanted, known: Ranked | None) -> Sequence[str]:
    return cold.anchors(one) if known is None else since.anchors(one, known)


def _chosen(
    best: Sequence[Shown], facts: Mapping[str, Facts | None], limit: int
) -> tuple[Recommendation, ...]:
    """The best, one per name; a product whose name is not known goes by its id."""

    def name(product: str) -> str:
        known = facts.get(product)
        return product if known is None else known.name or product

    found: dict[str, Recommendation] = {}
    for shown in best:
        if len(found) == limit:
            break
        called = name(shown.product)
        if called not in found:
            found[called] = Recommendation(
                shown.product, called, round(shown.score, 4), words(shown.why, name)
            )
    return tuple(found.values())
