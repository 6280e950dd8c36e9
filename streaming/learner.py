"""Feeds the online churn model from the flow: predict first, wait, learn when the label is due.

Predictions are made as in training: at midnights, UTC, for customers active then, silent ones included; each
customer once a week, on a weekday of their own. A midnight is taken up only when event time is two days past
it, so that partitions which run ahead of one another cannot leak the future. A stable sample of at most 5,000
customers is followed, which bounds memory.
"""

import zlib
from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec
from bytewax.operators import StatefulBatchLogic
from redis import Redis

from ebbtide.clock import Clock
from features.catalog import NAMES
from features.profile import decode, encode, vector
from features.signals.daily import DAY, day_of
from features.store.online import OnlineStore
from features.store.row import Row
from models.churn.artefact import Churned
from models.churn.online import FORMAT, OnlineChurn, segments
from models.churn.scorer import ChurnScorer, ModelWatcher
from streaming.changes import Changes

FOLLOWED = 5_000
LATENESS = 2 * DAY
SAVED_KEY = "ebbtide:online:churn"
_BUCKETS = 10_000


class Sample(NamedTuple):
    """What the learner sees of a batch: its span of event time, the rows and orders of followed customers."""

    first: float
    watermark: float
    rows: list[Row]
    orders: list[tuple[str, float]]


class Saved(msgspec.Struct):
    """The saved form: the model's running metrics, how far event time has come, and the model."""

    metrics: dict[str, float]
    midnight: int
    model: dict[str, Any]


def saved(client: Redis) -> Saved | None:
    """The online model as last saved; None if it has not learned yet, or in another format."""
    raw: Any = client.get(SAVED_KEY)
    found = msgspec.json.decode(raw, type=Saved) if raw else None
    return found if found is not None and found.model.get("format") == FORMAT else None


def last_midnight(watermark: float) -> int:
    """The day whose midnight is the last one taken up when event time is at `watermark` (Unix seconds)."""
    return day_of(watermark - LATENESS)


class OnlineLearner:
    """Chooses what the learner follows, on every worker, and learns, on one of them.

    Args:
        client: the Redis with the champion and the saved form.
        store: the online store, for the states that customers have at the start.
        watcher: gives the champion in force.
        clock: the present, for the watcher.
    """

    def __init__(self, client: Redis, store: OnlineStore, watcher: ModelWatcher, clock: Clock) -> None:
        self._client, self._store, self._watcher, self._clock = client, store, watcher, clock
        known = sum(len(chunk) for chunk in store.customers())
        self._limit = _BUCKETS if known <= FOLLOWED else _BUCKETS * FOLLOWED // known

    def sample(self, changes: Changes) -> Iterable[Sample]:
        """The part of a batch's changes that the learner follows; nothing if the batch had no event."""
        heard = changes.heard()
        if not heard:
            return
        rows = changes.day_ends + [row for row in heard if self.follows(row.customer)]
        times = [row.at for row in (*changes.day_ends, *heard)]
        first, watermark = min(times), max(times)
        yield Sample(first, watermark, rows, [order for order in changes.orders if self.follows(order[0])])

    def follows(self, customer: str) -> bool:
        """Whether the customer is in the sample."""
        return zlib.crc32(customer.encode()) % _BUCKETS < self._limit

    def logic(self, resume: None) -> "LearnLogic":  # noqa: ARG002 (it resumes from Redis)
        """The learning step, resumed from its saved form."""
        return LearnLogic(self._champion, dict(self._start()), saved(self._client))

    def _champion(self) -> ChurnScorer | None:
        """The champion, if its labels are orders: cancellations are not followed here."""
        found = self._watcher.refresh(self._clock())
        return found if found is not None and found.artefact.churned is Churned.SILENCE else None

    def _start(self) -> Iterator[tuple[str, list[Row]]]:
        for chunk in self._store.customers():
            followed = [customer for customer in chunk if self.follows(customer)]
            for customer, state in zip(followed, self._store.read_many(followed), strict=True):
                if state is not None:
                    yield customer, [Row(customer, encode(state), state.last_at)]


class LearnLogic(StatefulBatchLogic[Sample, bytes, None]):
    """The online model with what it waits for: rows and orders that event time has not reached yet."""

    def __init__(
        self, champion: Callable[[], ChurnScorer | None], rows: dict[str, list[Row]], start: Saved | None
    ) -> None:
        self._champion, self._rows = champion, rows
        self._orders: list[tuple[float, str]] = []
        self._watermark = 0.0
        self._midnight: int | None = None
        self._model: OnlineChurn | None = None
        if start is not None:
            self._model, self._midnight = OnlineChurn.from_dict(start.model), start.midnight

    def on_batch(self, values: list[Sample]) -> tuple[Iterable[bytes], bool]:
        """Take samples up; give the saved form whenever a day has passed."""
        for sample in values:
            self._watermark = max(self._watermark, sample.watermark)
            for row in sample.rows:
                self._rows.setdefault(row.customer, []).append(row)
            for customer, at in sample.orders:
                insort(self._orders, (at, customer))
        reached = last_midnight(self._watermark)
        if self._midnight is None:
            self._midnight = last_midnight(min(sample.first for sample in values))
        champion = self._champion() if reached > self._midnight else None
        if champion is None:
            return (), StatefulBatchLogic.RETAIN
        for day in range(self._midnight + 1, reached + 1):
            self._pass_midnight(day, champion)
        self._midnight = reached
        return (self._saved(),), StatefulBatchLogic.RETAIN

    def snapshot(self) -> None:
        """Nothing: the saved form is in Redis."""

    def _pass_midnight(self, day: int, champion: ChurnScorer) -> None:
        """Learn what is due at a midnight, then predict for those whose weekday it is."""
        if self._model is None or self._model.horizon != champion.horizon:
            self._model = OnlineChurn(horizon=champion.horizon)
        self._model.follow(champion.version)
        midnight = day * DAY
        due = bisect_right(self._orders, (midnight, "\U0010ffff"))
        for at, customer in self._orders[:due]:
            self._model.order(customer, at)
        del self._orders[:due]
        self._model.advance(midnight)
        for customer, rows in self._rows.items():
            if (zlib.crc32(customer.encode()) // _BUCKETS + day) % 7 == 0:
                self._predict(customer, rows, midnight, champion, self._model)

    def _predict(
        self, customer: str, rows: list[Row], midnight: float, champion: ChurnScorer, model: OnlineChurn
    ) -> None:
        """Predict from the newest state before midnight, if the customer was active then."""
        known = bisect_right(rows, midnight, key=lambda row: row.at)
        if not known:
            return
        del rows[: known - 1]
        values = vector(decode(rows[0].state), midnight)
        recency = values[_RECENCY]
        if recency <= champion.active:
            groups = segments(recency, values[_ORDERS], champion.horizon)
            model.remember(customer, midnight, champion.predict_one(values), groups)

    def _saved(self) -> bytes:
        model = self._model
        if model is None or self._midnight is None:
            raise RuntimeError("nothing was learned yet")
        return msgspec.json.encode(Saved(model.metrics(), self._midnight, model.to_dict()))


_RECENCY, _ORDERS = NAMES.index("recency_days"), NAMES.index("orders_total")
