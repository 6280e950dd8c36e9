"""The sweep: every customer of the store, scored a chunk at a time in bounded memory."""

import contextlib
import gc
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ebbtide.domain.customer import Stage
from features import lifecycle
from features.catalog import NAMES
from features.profile import State, last_stage, packed
from features.store.online import OnlineStore
from models.churn.artefact import Artefact
from models.churn.population import against_base, judged
from models.churn.scorer import ChurnScorer

Array = NDArray[np.float64]
Worth = Callable[[Array], Array]
"""The money expected over 12 months, for a matrix of shape (n, signals)."""

CHUNK = 8_000
"""Customers scored at once, some 40 MB."""
BATCH = 100
"""Customers of whom the states are in memory at once. So few stay in the processor's cache, which halved the
time to decode them and compute their signals."""
SWITCH = 0.0002
"""Seconds after which the thread that reads lets the one that scores go on."""
TOP = 10
"""Customers named in a summary: those with the most value at risk."""
_STAGE_NAMES = (
    "orders_total",
    "gaps_total",
    "gap_last_days",
    "gap_mean_days",
    "recency_days",
    "purchase_days",
    "tenure_days",
)
_STAGE_PLACES = [NAMES.index(name) for name in _STAGE_NAMES]


class Swept(NamedTuple):
    """A chunk of customers, all of shape (n,) but `curve`, which is (n, horizons).

    Of whom churn cannot be foretold (`models.churn.population.judged`), `curve` and `at_risk` are NaN.
    """

    customers: list[str]
    stages: list[Stage]
    curve: Array
    worth: Array
    at_risk: Array


class Ranked(NamedTuple):
    """A customer of the summary."""

    value_at_risk: float
    customer: str
    probability: float
    stage: Stage


@dataclass
class Summary:
    """What a sweep found: customers by stage, and of those judged the mean probability and the money."""

    customers: int = 0
    judged: int = 0
    stages: Counter[Stage] = field(default_factory=Counter)
    value_at_risk: float = 0.0
    top: list[Ranked] = field(default_factory=list)
    _total: float = 0.0

    @property
    def mean_probability(self) -> float | None:
        """At the main horizon, over those judged; None if there are none."""
        return self._total / self.judged if self.judged else None

    def add(self, chunk: Swept, main: int) -> None:
        """Take a chunk up; `main` is the place of the main horizon."""
        probability = chunk.curve[:, main]
        known = ~np.isnan(probability)
        self.customers += len(chunk.customers)
        self.judged += int(known.sum())
        self.stages.update(chunk.stages)
        self._total += float(probability[known].sum())
        self.value_at_risk += float(chunk.at_risk[known].sum())
        best = np.argsort(np.where(known, -chunk.at_risk, math.inf))[:TOP]
        self.top += [
            Ranked(float(chunk.at_risk[n]), chunk.customers[n], float(probability[n]), chunk.stages[n])
            for n in best.tolist()
            if known[n]
        ]
        self.top = sorted(self.top, key=lambda each: (-each.value_at_risk, each.customer))[:TOP]


def sweep(
    store: OnlineStore,
    scorer: ChurnScorer,
    worth: Worth,
    now: float,
    chunk: int = CHUNK,
) -> Iterator[Swept]:
    """Score everyone as of `now` (Unix seconds, UTC), each at least once.

    Args:
        store: the online store.
        scorer: the champion.
        worth: what customers are worth.
        now: the moment.
        chunk: customers at once.

    Raises:
        StoreError: a state of another catalog.
        redis.RedisError: Redis does not answer.
    """
    with _undisturbed(), ThreadPoolExecutor(1) as ahead:
        before: Future[Swept] | None = None
        for names in store.customers(chunk):
            known, signals = _read(store, names, now)
            # Trees are outside Python: they score one chunk while the next is read.
            scored = ahead.submit(_scored, known, signals, scorer, worth)
            if before is not None:
                yield before.result()
            before = scored
        if before is not None:
            yield before.result()


def _read(store: OnlineStore, names: Sequence[str], now: float) -> tuple[list[tuple[str, str]], Array]:
    """Customers, each known by name and the stage last seen, and their signals; sign posts are left out."""
    each = zip(names, store.read_each(names), strict=True)
    known, rows = [], []
    while batch := list(islice(each, BATCH)):
        found = [(name, state) for name, state in batch if state is not None and not state.merged_into]
        known += [(name, last_stage(state)) for name, state in found]
        rows.append(packed([state for _, state in found], now))
    return known, _matrix(b"".join(rows))


def _scored(known: list[tuple[str, str]], signals: Array, scorer: ChurnScorer, worth: Worth) -> Swept:
    """Score customers, each known by name and the stage last seen."""
    curve = scorer.curve.predict_many(signals)
    curve[~judged(scorer.artefact.churned, signals)] = math.nan
    money, risks = worth(signals), curve[:, scorer.days.index(scorer.horizon)]
    at_risk = risks * money
    stages_ = stages(signals, [before for _, before in known], scorer.artefact, risks)
    return Swept([name for name, _ in known], stages_, curve, money, at_risk)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Without Python's collector, and with threads that take turns often.

    The collector would walk the states again and again; they have no cycles. Each call into NumPy or LightGBM
    lets the interpreter go, and gets it back from the thread that reads only after the interval: with the
    usual 5 ms, the thirty calls that score a chunk could wait for longer than they take.
    """
    was_on, interval = gc.isenabled(), sys.getswitchinterval()
    gc.disable()
    sys.setswitchinterval(SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        if was_on:
            gc.enable()


def matrix(states: list[State], now: float) -> Array:
    """The signals of many customers, shape (n, signals)."""
    return _matrix(packed(states, now))


def _matrix(rows: bytes) -> Array:
    return np.frombuffer(rows).reshape(-1, len(NAMES))


def stages(signals: Array, befores: Sequence[str], artefact: Artefact, risks: Array) -> list[Stage]:
    """The stage of each row.

    Args:
        signals: of shape (n, signals).
        befores: the stages last seen, empty where none was.
        artefact: the model.
        risks: what it says at the main horizon, shape (n,), NaN where it cannot say.
    """
    found = []
    rows = signals[:, _STAGE_PLACES].tolist()
    for row, before, risk in zip(rows, befores, risks.tolist(), strict=True):
        values = dict(zip(_STAGE_NAMES, row, strict=True))
        compared = partial(against_base, artefact, risk, values["recency_days"])
        found.append(lifecycle.stage(values, before, compared))
    return found
