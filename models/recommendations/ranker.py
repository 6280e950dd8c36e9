"""Ebbtide's recommendations: LightGBM says how likely each candidate is bought, learned from earlier windows.

Customers are looked at as they were before each of several windows of the past; what they bought in it is the
label. So the data says whether people come back to what they had: where nobody buys the same thing twice,
what is new comes first. One model ranks both all products and those new to the customer. Its trees start from
a logistic regression, so that a small log is ranked by what it can say, and not by chance.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.recommendations.bought_before import Places
from models.recommendations.candidates import Candidates, Rows
from models.recommendations.learned import SEED, Learned, Sample
from models.recommendations.purchases import DAY, Purchases
from models.recommendations.ranking_metrics import NONE, TOP, Lists

WINDOWS = 8
"""Windows to learn from, the latest, end to end; where fewer fit, each overlaps the next by half."""
STEPS = WINDOWS + 2
"""Of a training, to show how far it is."""
MOST_CUSTOMERS = 1_200
"""Customers of one window that train, drawn evenly."""
KEPT = 0.4
"""Share of the candidates not bought that train; they count the more."""
FEWEST = 100
"""Products bought in all windows, of fewer of which nothing is learned."""
BLOCK = 256
"""Customers at a time."""
TIE = 1e-9
"""What popularity adds to log-odds at most: it only tells two apart that are alike."""


class Best(NamedTuple):
    """The best rows of some customers, with all rows that they were chosen from.

    Attributes:
        rows: the candidates of the customers.
        chosen: places among the rows, best first, shape (customers, any); `NONE` where there is none.
        chances: the probability that each row is bought, shape (rows,); NaN where nothing was learned.
    """

    rows: Rows
    chosen: Places
    chances: NDArray[np.float64]


class Ranker:
    """What was learned, and the candidates at the moment asked for.

    `windows` are those learned from; without any, candidates are ranked by a plain rule: the next purchase is
    one of those had, by how often they were bought lately, as often as it was so in the whole log, and else
    one of the others, by how popular they are.
    """

    def __init__(self, model: Learned | None, candidates: Candidates, windows: int) -> None:
        self.model, self.candidates, self.windows = model, candidates, windows

    def lists(self, customers: Places) -> dict[bool, Lists]:
        """Ten products for each customer (places, ascending), by whether only new ones are asked for."""
        found: dict[bool, list[Lists]] = {False: [], True: []}
        for asked, rows, scores in self._scored(customers):
            for only_new, lists in found.items():
                chosen = _best(rows, scores, asked, TOP, only_new=only_new)
                lists.append(np.where(chosen == NONE, NONE, rows.product[chosen]))
        return {only_new: np.concatenate(lists) for only_new, lists in found.items()}

    def best(self, customers: Places, count: int) -> Iterator[Best]:
        """So many products for each customer (places, ascending), some hundred customers at a time."""
        for asked, rows, scores in self._scored(customers):
            yield Best(rows, _best(rows, scores, asked, count, only_new=False), self._chances(scores))

    def _scored(self, customers: Places) -> Iterator[tuple[Places, Rows, NDArray[np.float64]]]:
        """Some hundred customers at a time, with their rows and what those are ranked by."""
        for start in range(0, len(customers), BLOCK):
            asked = customers[start : start + BLOCK]
            rows = self.candidates.rows(asked)
            yield asked, rows, self._scores(rows)

    def _scores(self, rows: Rows) -> NDArray[np.float64]:
        """The log-odds that each is bought, or a plain rule; of two alike the more popular is higher."""
        popular = self.candidates.trend[rows.product]
        small = popular / (popular.max() + 1.0)
        if self.model is None:
            return np.asarray(self._plain(rows, popular) + TIE * small)
        return np.asarray(self.model.log_odds(rows.values) + TIE * small)

    def _plain(self, rows: Rows, popular: NDArray[np.float64]) -> NDArray[np.float64]:
        lately = rows.values[:, self.candidates.names.index("count_60d")].astype(np.float64)
        own = np.where(rows.new, 0.0, lately)
        total = np.bincount(rows.customer, weights=own)[rows.customer]
        again = self.candidates.again
        shares = own / np.maximum(total, 1e-9), popular / max(self.candidates.trend.sum(), 1e-9)
        return np.asarray(np.where(rows.new, (1.0 - again) * shares[1], again * shares[0]))

    def _chances(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.full(len(scores), np.nan) if self.model is None else np.asarray(expit(scores))


def train(past: Purchases, cut: float, days: float, advance: Callable[[int], None]) -> Ranker:
    """Learn from the windows before a moment (Unix seconds) what is bought in so many days from then on.

    A window is as long, or a third of what was before the moment, if that is less. `advance` is told of each
    of `STEPS` steps.
    """
    begins, length = _begins((cut - float(past.at.min())) / DAY, days)
    rng = np.random.default_rng(SEED)
    found, seen = [], 0
    for back in begins:
        sample, customers = _window(past, cut - back * DAY, length, rng)
        found.append(sample)
        seen += customers
        advance(1)
    candidates = Candidates(past, cut, length)
    advance(1)
    joined = _joined(found)
    enough = joined.bought.sum() >= FEWEST and not joined.bought.all()
    model = Learned(joined, candidates.names, seen) if enough else None
    advance(STEPS - len(begins) - 1)
    return Ranker(model, candidates, len(begins) if model else 0)


def _begins(span: float, days: float) -> tuple[list[float], float]:
    """How many days back each window begins, the earliest first, and how long all are.

    `span`: days that the log goes back. As much as a window is long lies before each.
    """
    length = min(days, span / 3.0)
    room = span / length - 2.0 + 1e-9
    step = 1.0 if room >= WINDOWS - 1 else 0.5
    count = min(WINDOWS, int(room / step) + 1)
    return [length * (1.0 + step * back) for back in range(count - 1, -1, -1)], length


def _window(past: Purchases, begin: float, days: float, rng: np.random.Generator) -> tuple[Sample, int]:
    """What was known of those who came back in a window, what they bought in it, and how many they are."""
    products = len(past.products)
    bought = past.part((past.at >= begin) & (past.at < begin + days * DAY)).pairs()
    customers = np.intersect1d(bought // products, past.before(begin).customer)
    if len(customers) > MOST_CUSTOMERS:
        customers = np.sort(rng.choice(customers, MOST_CUSTOMERS, replace=False))
    candidates = Candidates(past, begin, days)
    parts = []
    for start in range(0, len(customers), BLOCK):
        rows = candidates.rows(customers[start : start + BLOCK])
        label = np.isin(rows.customer * products + rows.product, bought)
        kept = label | (rng.random(len(label)) < KEPT)
        parts.append(Sample(rows.values[kept], label[kept], np.where(label[kept], 1.0, 1.0 / KEPT)))
    empty = Sample(np.empty((0, len(candidates.names)), np.float32), *_NOTHING)
    return _joined(parts) if parts else empty, len(customers)


_NOTHING = (np.empty(0, dtype=bool), np.empty(0))


def _joined(parts: list[Sample]) -> Sample:
    return Sample(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _best(
    rows: Rows, scores: NDArray[np.float64], customers: Places, count: int, *, only_new: bool
) -> Places:
    """The places of the rows of each customer with the highest scores."""
    kept = np.flatnonzero(rows.new) if only_new else np.arange(len(scores))
    row = np.searchsorted(customers, rows.customer[kept])
    order = np.lexsort((rows.product[kept], -scores[kept], row))
    row, kept = row[order], kept[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    found = np.full((len(customers), count), NONE, dtype=np.int64)
    shown = rank < count
    found[row[shown], rank[shown]] = kept[shown]
    return found
