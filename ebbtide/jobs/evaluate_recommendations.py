"""Evaluate recommendations on any log: learn from all but its last days, and see what was bought in those."""

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ebbtide.clock import Clock
from ebbtide.domain.event import decode
from ebbtide.errors import InputError, ModelError
from ebbtide.jobs.progress import Progress
from ebbtide.logs.rejected import RejectedLog
from models.evaluation.timeline import date
from models.recommendations import ranker, recommend_peers
from models.recommendations.purchases import DAY, PurchaseReader, Purchases
from models.recommendations.ranking_metrics import TOP, Lists, figures
from streaming.importing.importer import Log, import_events
from streaming.importing.report import Report

FEWEST = 50
"""Customers known before who bought in the test; of fewer, the figures would say little."""


@dataclass(frozen=True)
class RecommendationEvaluation:
    """The figures of Ebbtide and its peers for the same customers.

    `customers` bought before the test and in it; `customers_new` of them bought something in it that they
    never had. `cut` is the day on which the test begins, UTC. `windows` are those that the ranker
    learned from.
    """

    data: str
    days: int
    cut: str
    customers: int
    customers_new: int
    products: int
    windows: int
    models: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def public(self) -> dict[str, Any]:
        """What is printed as JSON."""
        return dict(vars(self))


class HeldOut:
    """Who is recommended to, and what they bought: all of it, and what they never had."""

    def __init__(self, log: Purchases, cut: float) -> None:
        self.past = log.before(cut)
        bought, had = log.part(log.at >= cut).pairs(), self.past.pairs()
        self.products = len(log.products)
        known = np.isin(bought // self.products, self.past.customer)
        self.bought = bought[known]
        self.first = np.setdiff1d(self.bought, had, assume_unique=True)
        self.customers: NDArray[np.int64] = np.unique(self.bought // self.products)

    def row(self, name: str, recommend: Callable[[bool], Lists]) -> dict[str, Any]:
        """The figures of a model that gives each customer's list, of new products alone if so asked."""
        found = figures(recommend(False), self.customers, self.bought, self.products)
        new = figures(recommend(True), self.customers, self.first, self.products)
        return {
            "name": name,
            f"recall_at_{TOP}": found.recall,
            f"ndcg_at_{TOP}": found.ndcg,
            f"hit_at_{TOP}": found.hit,
            f"new_recall_at_{TOP}": new.recall,
            f"new_ndcg_at_{TOP}": new.ndcg,
        }


def evaluate_recommendations(
    log: Log, *, days: int, clock: Clock, progress: Progress
) -> RecommendationEvaluation:
    """Learn from all but the last days of a log, and compare with peers on those.

    The test is the last `days` times 24 hours up to the last order. Customers without an order before it
    cannot be told apart yet and are left out, for all models alike.

    Raises:
        InputError: the log cannot be read, has no order with products, or is not longer than the test.
        ModelError: too few customers bought before the test and in it.
    """
    purchases = read_purchases(log, clock, progress)
    cut = _cut(log, purchases, days)
    test = HeldOut(purchases, cut)
    if len(test.customers) < FEWEST:
        raise ModelError(
            f"{log.path}: expected at least {FEWEST} customers who bought before {date(cut)} and in the "
            f"{days} days from then on, found {len(test.customers)}; take a longer log, or other --days"
        )
    with progress("Learn to rank (LightGBM)", ranker.STEPS) as advance:
        learned = ranker.train(test.past, cut, days, advance)
    peers = recommend_peers.peers(test.past, test.customers, cut)
    found = []
    with progress("Recommend", len(peers) + 1) as advance:
        ours = learned.lists(test.customers)
        found.append(test.row("ebbtide", ours.__getitem__))
        advance(1)
        for name, peer in peers.items():
            found.append(test.row(name, peer))
            advance(1)
    return RecommendationEvaluation(
        data=log.source,
        days=days,
        cut=date(cut),
        customers=len(test.customers),
        customers_new=len(np.unique(test.first // test.products)),
        products=test.products,
        windows=learned.windows,
        models=found,
        notes=_notes(learned.windows),
    )


def read_purchases(log: Log, clock: Clock, progress: Progress) -> Purchases:
    """Read the orders of a log.

    Raises:
        InputError: it cannot be read, holds no order, or no order names a product.
    """
    reader, report = PurchaseReader(), Report()
    with tempfile.TemporaryDirectory(prefix="ebbtide-") as folder, progress("Read") as advance:
        for batch in import_events(log, RejectedLog(Path(folder)), report, now=clock()):
            for raw in batch:
                reader.take(decode(raw))
            advance(len(batch))
    found = reader.purchases()
    if not len(found):
        names = ", ".join(report.events)
        raise InputError(
            f"{log.path}: expected orders (`Order Completed`) with products, found no product in any order "
            f"among: {names}; say which column holds it, e.g. --map customer=ID,time=DATE,product=SKU"
        )
    return found


def _cut(log: Log, purchases: Purchases, days: int) -> float:
    first, last = float(purchases.at.min()), float(purchases.at.max())
    # Just after: of a log by day, so many days are the test, and not one more.
    cut = math.nextafter(last - days * DAY, math.inf)
    if cut <= math.nextafter(first, math.inf):
        raise InputError(
            f"{log.path}: expected a log longer than the {days} days of the test, found {date(first)} to "
            f"{date(last)}; take fewer --days"
        )
    return cut


def _notes(windows: int) -> list[str]:
    notes = []
    if not windows:
        notes.append(
            f"ebbtide: nothing to learn a ranking from: expected {ranker.FEWEST} products that customers who "
            "came back bought before the test, and some that they did not; ranked by a plain rule"
        )
    if not recommend_peers.implicit_installed():
        notes.append('item_knn, bm25, als: left out, implicit is not installed: pip install "ebbtide[peers]"')
    return notes
