"""The watch: looks at customers whose check is due, and raises and clears alerts.

An alert comes from an event, or from silence: after each look the next one is put down for when the curve
would cross the threshold. A customer's check stays until what came of it is stored, so a death loses none;
and the alerts themselves hold but once, so two watches do no harm.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple
from uuid import uuid4

from redis import Redis
from redis.exceptions import RedisError

from ebbtide.clock import Clock
from ebbtide.domain.alert import Alert, Change, Status
from ebbtide.domain.ingest import iso
from ebbtide.errors import EbbtideError
from ebbtide.logs.alerts import AlertLog, Last
from features import lifecycle
from features.profile import State, heard_at, last_stage, named, vector
from features.store.online import OnlineStore
from models.churn.risk import Policy, Sight, Step, Verdict, look, next_check, rests_until, verdict
from models.churn.scorer import ChurnScorer, ModelWatcher
from models.explain.reasons import reasons
from models.explain.remedies import rescored
from streaming.checks import Checks, Done, Due, Look

BATCH = 50
"""Customers looked at between two pauses."""
SHARE = 4.0
"""Seconds of pause for each second of work: the flow in the same process needs the rest."""
IDLE = 1.0
"""Seconds to wait when nothing is due."""
SPREAD_RATE = 200.0
"""Customers a second for which a new champion's checks are put down."""

Worth = Callable[[list[float], float], float]
"""The money expected of a customer over the next 12 months, from their signals at a moment."""
_log = logging.getLogger(__name__)


class _Case(NamedTuple):
    """What is at hand for one look."""

    due: Due
    state: State
    last: Last | None
    before: Look | None


class Watch:
    """Looks at whom the checks name, with the champion in force. Without one it waits.

    Args:
        client: the Redis of states, alerts and checks.
        models: keeps the champion at hand.
        worth: what a customer is worth, in the currency of the events.
        policy: when to raise and clear.
    """

    def __init__(self, client: Redis, models: ModelWatcher, worth: Worth, policy: Policy) -> None:
        self._models, self._worth, self._policy = models, worth, policy
        self._store, self._alerts, self._checks = OnlineStore(client), AlertLog(client), Checks(client)
        self._planning: Iterator[int] | None = None
        self._version: str | None = None

    def run(self, clock: Clock, stop: threading.Event) -> None:
        """Work until told to stop, a fifth of the time at most. What fails is tried again."""
        while not stop.is_set():
            started = clock()
            try:
                busy = self.step(started)
            except (EbbtideError, RedisError) as error:
                _log.warning("watch: %s", error)
                busy = 0
            stop.wait(max(clock() - started, 0.0) * SHARE if busy else IDLE)

    def step(self, now: float, most: int = BATCH) -> int:
        """Look at customers whose check is due; returns for how many something was done.

        Raises:
            StoreError: Redis does not answer, or holds a state of another catalog.
            redis.RedisError: Redis does not answer.
        """
        scorer = self._models.refresh(now)
        if scorer is None:
            return 0
        planned = self._plan_all(scorer, now)
        due = self._checks.due(now, most)
        names = [each.customer for each in due]
        states = self._store.read_many(names)
        lasts, befores = self._alerts.last(names), self._checks.looks(names)
        gone = [each for each, state in zip(due, states, strict=True) if state is None or state.merged_into]
        cases = [
            _Case(each, state, last, before)
            for each, state, last, before in zip(due, states, lasts, befores, strict=True)
            if state is not None and not state.merged_into
        ]
        self._checks.drop(gone)
        self._checks.done([self._look(case, scorer, now) for case in cases])
        return planned + len(due)

    def _look(self, case: _Case, scorer: ChurnScorer, now: float) -> Done:
        """Look at one customer, and store what came of it but for the next check."""
        now = max(now, case.state.last_at)  # a state cannot be taken back
        sight = look(scorer.curve, case.state, now)
        found = verdict(self._policy, sight, case.last, now)
        if found.step is Step.RAISE and sight is not None:
            self._alerts.put(self._alert(case, sight, scorer, now), now, case.last)
        elif found.by is not None and case.last is not None:
            self._alerts.clear(case.last, found.by, now)
        return Done(case.due, _kept(case, sight, now), self._again(found, sight, case, scorer, now))

    def _again(
        self, found: Verdict, sight: Sight | None, case: _Case, scorer: ChurnScorer, now: float
    ) -> float | None:
        if sight is None or found.again is not None:
            return found.again
        if found.step is Step.CLEAR:
            rested = now + self._policy.cooldown_days * 86_400.0
        else:
            rested = rests_until(self._policy, case.last)
        threshold = self._policy.threshold
        crossing = next_check(scorer.curve, case.state, now, threshold, sight.closes_at)
        return None if crossing is None else max(crossing, rested)

    def _alert(self, case: _Case, sight: Sight, scorer: ChurnScorer, now: float) -> Alert:
        told = reasons(sight.vector, scorer.contributions(sight.vector))
        return Alert(
            alert_id=uuid4().hex,
            customer_id=case.due.customer,
            status=Status.OPEN,
            stage=lifecycle.stage(named(sight.vector), last_stage(case.state), lambda: sight.against_base),
            raised_at=iso(now),
            closes_at=iso(sight.closes_at),
            probability=sight.probability,
            horizon=scorer.horizon,
            value_at_risk=round(sight.probability * self._worth(sight.vector, now), 2),
            reasons=rescored(told, case.state, now, scorer.predict_one),
            changed=_changed(case, sight, scorer, now),
            model=scorer.version,
        )

    def _plan_all(self, scorer: ChurnScorer, now: float) -> int:
        """After a change of the champion, put everyone down, a batch at each step. Returns 1 at work."""
        if self._version != scorer.version:
            known = self._checks.planned_for() == scorer.version
            self._planning, self._version = None if known else self._planned(now), scorer.version
        if self._planning is None:
            return 0
        if next(self._planning, 0) == 0:
            self._checks.set_planned_for(scorer.version)
            self._planning = None
        return 1

    def _planned(self, now: float) -> Iterator[int]:
        """Put all customers down, spread over time; gives the size of each batch."""
        count = 0
        for chunk in self._store.customers():
            self._checks.plan(_spread(chunk, now + count / SPREAD_RATE))
            count += len(chunk)
            yield len(chunk)


def _spread(customers: Sequence[str], start: float) -> dict[str, float]:
    return {customer: start + place / SPREAD_RATE for place, customer in enumerate(customers)}


def _kept(case: _Case, sight: Sight | None, now: float) -> Look:
    """The first look since the customer was last heard of: what silence changes is told against it."""
    if case.before is not None and case.before.at >= heard_at(case.state):
        return case.before
    return Look(now, 0.0 if sight is None else sight.probability)


def _changed(case: _Case, sight: Sight, scorer: ChurnScorer, now: float) -> Change | None:
    """What changed since the look kept; what moved, only by silence: a state forgets how it was before."""
    before = case.before
    if before is None:
        return None
    moved: tuple[str, ...] = ()
    then = max(before.at, case.state.last_at)
    if then < now:
        moves = scorer.contributions(sight.vector) - scorer.contributions(vector(case.state, then))
        moved = tuple(reason.text for reason in reasons(sight.vector, moves))
    return Change(iso(before.at), before.probability, moved)
