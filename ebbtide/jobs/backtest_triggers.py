"""Try triggers on a recorded log: what would have fired, for whom, and what those customers did then.

The log goes through the updater of the flow, with its moments, into memory and not into Redis; so what fires
is what fires live. Only ticks are missing, for no time passes here: what silence fires is found at the
customer's next event, and at the end of the log, as it is after a flow that was down.
"""

import itertools
import math
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ebbtide.clock import Clock
from ebbtide.domain.trigger import DAY, STAGE_ENTERED, Fired
from ebbtide.errors import InputError
from ebbtide.jobs.progress import Advance, Progress
from ebbtide.logs.events import Record
from ebbtide.logs.rejected import RejectedLog
from features import profile
from features.glance import Glance
from features.profile import State
from models.triggers.moments import Moments
from models.triggers.snapshot import Churn, unknown_churn
from models.triggers.trigger_figures import Base, RuleFigures, StageFigures, figures, stage_figures, warnings
from models.triggers.triggers import Rules
from streaming.changes import Batch, Changes
from streaming.importing.importer import Log, import_events
from streaming.importing.report import Report
from streaming.updater import Updater

BATCH = 2_000
"""Events applied at a time."""


@dataclass(frozen=True)
class TriggerBacktest:
    """What the rules would have done on a log; times are ISO 8601 in UTC.

    `triggers` has the figures of each rule in the order of the file, `stages` what came after the moves to
    each stage, `warnings` what a marketer should know before it goes live, `fired` every trigger in time
    order, `entered` every move to another stage.
    """

    data: str
    rules: str
    since: str
    until: str
    customers: int
    triggers: list[RuleFigures]
    stages: list[StageFigures]
    warnings: list[str]
    fired: list[Fired] = field(repr=False)
    entered: list[Fired] = field(repr=False)

    def public(self) -> dict[str, Any]:
        """What is printed as JSON."""
        return {name: value for name, value in vars(self).items() if name not in ("fired", "entered")}

    def write(self, path: Path) -> None:
        """Write every trigger that fired as a line of JSON."""
        with path.open("wb") as file:
            file.writelines(msgspec.json.encode(one) + b"\n" for one in self.fired)


@dataclass(frozen=True)
class Replayed:
    """A log that went through the flow.

    What fired; each customer's orders and when they were first seen; the customer whom each other id turned
    out to be; when the log began and ended. Times are in Unix seconds.
    """

    fired: list[Fired]
    orders: dict[str, list[float]]
    seen: dict[str, float]
    owners: dict[str, str]
    first: float
    last: float


class _Nowhere:
    """A store without anything in it: the log is all there is."""

    def read_many(self, customers: Sequence[str]) -> list[State | None]:
        """Know nobody."""
        return [None] * len(customers)


def backtest(
    log: Log,
    rules: Rules,
    *,
    horizon: int,
    last_days: float | None = None,
    churn: Churn = unknown_churn,
    clock: Clock,
    progress: Progress,
) -> TriggerBacktest:
    """Let rules fire over a log, and say what came of it.

    Args:
        log: as `ebbtide import` takes it.
        rules: to try.
        horizon: days without an order that count as churn.
        last_days: look only at what fired in so many last days; the whole log teaches what came before.
        churn: for rules that ask for it. The champion of today judges all of the log.
        clock: for the import's report.
        progress: shows how far it is.

    Raises:
        InputError: the log cannot be read, or no line of it can be used.
    """
    with tempfile.TemporaryDirectory(prefix="ebbtide-") as folder, progress("Replay") as advance:
        batches = import_events(log, RejectedLog(Path(folder)), Report(), now=clock())
        found = replayed(itertools.chain.from_iterable(batches), Moments(rules, churn), advance)
    since = found.first if last_days is None else max(found.last - last_days * DAY, found.first)
    base = Base(found.orders, found.seen, found.owners, since, found.last, horizon)
    entered = [one for one in found.fired if one.rule == STAGE_ENTERED]
    kept = base.within(one for one in found.fired if one.rule != STAGE_ENTERED)
    counted = figures(rules, kept, base)
    return TriggerBacktest(
        data=log.source,
        rules=rules.version,
        since=base.iso(since),
        until=base.iso(found.last),
        customers=len(found.seen),
        triggers=counted,
        stages=stage_figures(base.within(entered), base),
        warnings=warnings(counted),
        fired=kept,
        entered=entered,
    )


def replayed(lines: Iterable[bytes], moments: Moments, advance: Advance = lambda _: None) -> Replayed:
    """Send events (JSON, in time order) through the updater, with what it passes on to itself.

    Raises:
        InputError: there is nothing that a customer did.
    """
    replay, stream = _Replay(moments), iter(lines)
    while chunk := list(itertools.islice(stream, BATCH)):
        replay.take(chunk)
        advance(len(chunk))
    return replay.ended()


class _Replay:
    """The flow over a log, in memory."""

    def __init__(self, moments: Moments) -> None:
        self._moments = moments
        self._updater = Updater(
            _Nowhere(), clock=lambda: self.now, kept_customers=sys.maxsize, moments=moments
        )
        self._places = itertools.count(1)
        self.now = 0.0
        self.states: dict[str, bytes] = {}
        self._fired: dict[str, Fired] = {}
        self._orders: dict[str, list[float]] = {}

    def take(self, raws: Sequence[bytes]) -> None:
        """Apply events, and what they make the flow pass on.

        Two ids that turn out to be one customer are joined before anything else happens, as they are live.
        """
        start = 0
        for end, raw in enumerate(raws, 1):
            if end == len(raws) or b'"identify"' in raw or b'"alias"' in raw:
                self._apply(raws[start:end])
                start = end

    def _apply(self, raws: Sequence[bytes]) -> None:
        pending = list(raws)
        while pending:
            records = [Record(0, (next(self._places), 0), raw) for raw in pending]
            changes = self._updater.apply(Batch(0, records))
            self._keep(changes)
            pending = [raw for _, _, raw in changes.passed_on]

    def _keep(self, changes: Changes) -> None:
        for one in changes.fired:
            self._fired.setdefault(one.trigger_id, one)  # as the log of triggers does
        for customer, at in changes.orders:
            self._orders.setdefault(customer, []).append(at)
        for row in changes.states:
            self.states[row.customer] = row.state
            self.now = max(self.now, row.at)

    def ended(self) -> Replayed:
        """Let the time pass for the silent, up to the newest event, and gather what is one customer's."""
        states = {customer: profile.decode(raw) for customer, raw in self.states.items()}
        for customer, state in states.items():
            if not state.merged_into:
                for one in self._moments.before(customer, state, self.now):
                    self._fired.setdefault(one.trigger_id, one)
        owners = {
            customer: _owner(customer, states) for customer, state in states.items() if state.merged_into
        }
        orders: dict[str, list[float]] = {}
        for customer, times in self._orders.items():
            orders.setdefault(owners.get(customer, customer), []).extend(times)
        fired = sorted(self._fired.values(), key=lambda one: (one.fired_at, one.trigger_id))
        seen = {
            customer: self.now - Glance(state, self.now)["tenure_days"] * DAY
            for customer, state in states.items()
            if profile.heard_at(state) > -math.inf
        }
        if not seen:
            raise InputError("expected a log of what customers did, found none: there is nothing to try on")
        ascending = {customer: sorted(times) for customer, times in orders.items()}
        return Replayed(fired, ascending, seen, owners, min(seen.values()), self.now)


def _owner(customer: str, states: dict[str, State]) -> str:
    while (to := states[customer].merged_into) and to in states:
        customer = to
    return customer
