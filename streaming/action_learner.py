"""Feeds the response models from the flow: decisions from their log, outcomes from the events that follow.

Every worker picks out the events that may be a response; one of them joins them with the decisions and
learns, when their time is up. What it found goes to the outcome log, and its state is saved with it.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from redis import Redis

from ebbtide.domain.action import Action
from ebbtide.logs import outcomes
from ebbtide.logs.decisions import START, DecisionLog
from ebbtide.logs.outcomes import Attributed
from features import catalog
from features.signals.daily import DAY
from models.actions.action_learning import Outcome, ResponseLearner
from models.actions.recorded import vector
from streaming.attribution import Attribution, Told, told
from streaming.changes import Changes

SAVED_KEY = "ebbtide:online:actions"
LATENESS = DAY
"""Seconds of event time for which late events are waited for, after a window is over."""
EVERY = 60.0
"""Seconds of event time between two looks at what is due."""
_AT_ONCE = 1_000


class Heard(NamedTuple):
    """What the learner sees of a batch: how far event time has come, and events that may be responses."""

    watermark: float
    told: list[Told]


class Learned(NamedTuple):
    """Outcomes that came due, and the state saved after them."""

    outcomes: list[Attributed]
    saved: bytes


class Saved(msgspec.Struct, frozen=True):
    """The saved form.

    `place` is how far the decision log was read, `since` from when on events are heard and `watermark` how
    far event time has come (Unix seconds), `waiting` what waits for its outcome.
    """

    place: str
    since: float
    watermark: float
    waiting: list[list[object]]
    dropped: int
    learner: msgspec.Raw


def saved(client: Redis) -> Saved | None:
    """The learner as last saved; None if it has not learned yet, or from other signals."""
    raw = client.get(SAVED_KEY)
    found = msgspec.json.decode(raw, type=Saved) if isinstance(raw, bytes) else None
    return found if found is not None and learner_of(found).catalog == catalog.VERSION else None


def learner_of(found: Saved) -> ResponseLearner:
    """The models of a saved form."""
    return ResponseLearner.from_bytes(bytes(found.learner))


class ActionLearner:
    """Hears of responses, on every worker, and learns, on one of them.

    Args:
        client: the Redis of the logs and of the saved form.
        actions: the policy's actions by id; decisions for others teach nothing.
    """

    def __init__(self, client: Redis, actions: Mapping[str, Action]) -> None:
        self._client, self._actions = client, actions

    def hear(self, changes: Changes) -> Iterable[Heard]:
        """What a batch's changes say about decisions; nothing if the batch had no event."""
        responses = told(changes.raws)
        if times := [row.at for row in changes.heard()] + [one.at for one in responses]:
            yield Heard(max(times), responses)

    def logic(self, resume: None) -> "ActionLogic":  # noqa: ARG002 (it resumes from Redis)
        """The learning step, resumed from its saved form."""
        return ActionLogic(DecisionLog(self._client), self._actions, saved(self._client))


class ActionLogic(StatefulBatchLogic[Heard, Learned, None]):
    """The models with the decisions that wait for their outcome."""

    def __init__(self, decisions: DecisionLog, actions: Mapping[str, Action], start: Saved | None) -> None:
        self._decisions, self._actions = decisions, actions
        self._place, self._attribution = START, Attribution()
        self._learner = ResponseLearner(catalog.VERSION, catalog.NAMES)
        self._since: float | None = None
        self._watermark = self._looked = 0.0
        if start is not None:
            self._place, self._since = start.place, start.since
            self._watermark = self._looked = start.watermark
            self._attribution = Attribution.from_list(start.waiting)
            self._attribution.dropped = start.dropped
            self._learner = learner_of(start)

    def on_batch(self, values: list[Heard]) -> tuple[Iterable[Learned], bool]:
        """Join what was heard with the decisions; about once a minute of event time, learn what is due."""
        if self._since is None:
            self._since = min(heard.watermark for heard in values)
            # The places of a Redis stream are times in milliseconds: older decisions need not be read.
            self._place = f"{max(int(self._since * 1000.0), 0)}-0"
        self._read_decisions(self._since)
        for heard in values:
            self._watermark = max(self._watermark, heard.watermark)
            self._attribution.take(heard.told)
        if self._watermark < self._looked + EVERY:
            return (), StatefulBatchLogic.RETAIN
        self._looked = self._watermark
        found = self._attribution.due(self._watermark - LATENESS)
        for start in range(0, len(found), _AT_ONCE):
            self._learn(found[start : start + _AT_ONCE])
        return (Learned(found, self._saved(self._since)),), StatefulBatchLogic.RETAIN

    def snapshot(self) -> None:
        """Nothing: the saved form is in Redis."""

    def _read_decisions(self, since: float) -> None:
        """Wait for the outcomes of new decisions; of those before `since` some would have gone unheard."""
        while True:
            receipts, place = self._decisions.after(self._place, count=_AT_ONCE)
            for receipt in receipts:
                action = self._actions.get(receipt.chosen)
                if action is not None and receipt.at >= since:
                    self._attribution.decided(
                        receipt.decision.decision_id, receipt.customer, action, receipt.at
                    )
            if place == self._place:
                return
            self._place = place

    def _learn(self, found: list[Attributed]) -> None:
        receipts = self._decisions.get_many([outcome.decision_id for outcome in found])
        for outcome, receipt in zip(found, receipts, strict=True):
            action = self._actions.get(outcome.action)
            if (
                receipt is not None
                and action is not None
                and receipt.decision.versions.catalog == catalog.VERSION
            ):
                self._learner.learn(Outcome(action, vector(receipt), outcome.responded, outcome.money))

    def _saved(self, since: float) -> bytes:
        return msgspec.json.encode(
            Saved(
                self._place,
                since,
                self._watermark,
                self._attribution.to_list(),
                self._attribution.dropped,
                msgspec.Raw(self._learner.to_bytes()),
            )
        )


class OutcomeSink(DynamicSink[tuple[str, Learned]]):
    """Logs outcomes, and keeps the learner's newest saved form, in one transaction."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "_OutcomeSinkPart":  # noqa: ARG002
        """Open a writer."""
        return _OutcomeSinkPart(self._client)


class _OutcomeSinkPart(StatelessSinkPartition[tuple[str, Learned]]):
    def __init__(self, client: Redis) -> None:
        self._client = client

    def write_batch(self, items: list[tuple[str, Learned]]) -> None:
        for _, learned in items:
            pipeline = self._client.pipeline(transaction=True)
            outcomes.append(pipeline, learned.outcomes)
            pipeline.set(SAVED_KEY, learned.saved)
            pipeline.execute()
