"""What is asked for one customer, with what is known of them."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from ebbtide.domain.customer import Stage
from models.expressions import Facts
from models.recommendations.offering import OPEN, Terms
from models.recommendations.ranked import Ranked

ANCHORS = 12
"""Products of a customer whose neighbours are looked at."""


NOBODY = Facts({}, stage="")
"""Of whom nothing is known."""


class Wanted(NamedTuple):
    """What is asked for one customer: at most `limit` products, best first, each name once.

    Attributes:
        repertoire: (product, purchases decayed to `now` with a half-life of 90 days, last bought in Unix
            seconds of that day), heaviest first; empty for an unknown customer.
        now: in Unix seconds.
        stage: of life with the company.
        limit: products asked for.
        exclude: products that must not be shown.
        ranked: the customer's list; None where there is none.
        cart: products in the open cart, the one added last first.
        viewed: (product, when last), of views that no purchase followed, the latest first.
        newcomer, country: whose charts fit; an empty country is not known.
        last_at: the customer's last event, in Unix seconds.
        terms: on which products are shown.
        facts: of the customer, for a condition of the terms.
    """

    repertoire: Sequence[tuple[str, float, float]]
    now: float
    stage: Stage
    limit: int
    exclude: Collection[str] = ()
    ranked: Ranked | None = None
    cart: Sequence[str] = ()
    viewed: Sequence[tuple[str, float]] = ()
    newcomer: bool = True
    country: str = ""
    last_at: float = float("-inf")
    terms: Terms = OPEN
    facts: Facts = NOBODY
