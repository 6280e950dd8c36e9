"""The moments at which a customer's rules are judged, and what fires then: the same live and in a back-test.

Rules are judged at the customer's events; where one waits, when the wait is over; and in silence, once a day
(`ebbtide.domain.trigger.next_look`). A rule fires when it turns from false to true. What has to be known for
that is the state's own memory, written with the state: whoever applies the same events and ticks again finds
the same triggers, with the same ids.
"""

from collections.abc import Iterable
from typing import NamedTuple

from ebbtide.domain.customer import Stage
from ebbtide.domain.event import Event
from ebbtide.domain.ingest import iso
from ebbtide.domain.trigger import DAILY, DAY, STAGE_ENTERED, Fired, Memory, next_look, trigger_id
from features import lifecycle
from features.profile import State, heard_at
from models.expressions import Expression
from models.triggers.snapshot import Churn, Snapshot, unknown_churn
from models.triggers.triggers import NEVER, Rule, Rules

ORDER = "Order Completed"
"""The event at which a stage may change; besides, it changes in silence."""
MODEL_EVERY = 3
"""Days of silence from one look that asks the model to the next, while looks are daily: it costs the most."""


class _Moment(NamedTuple):
    """What a judging is of: who, what is seen of them, and what was the cause."""

    customer: str
    snapshot: Snapshot
    cause: str


class _Route(NamedTuple):
    """Rules that are judged together, and the variables that they need."""

    rules: list[Rule]
    reads: frozenset[str]


def _together(rules: Iterable[Rule]) -> _Route:
    found = list(rules)
    return _Route(found, frozenset[str]().union(*(rule.reads for rule in found)))


class Moments:
    """Judges the rules of customers as time passes, and remembers in their states what it needs.

    Args:
        rules: of the file.
        churn: for rules that ask for it.
        since: when these rules came into force, in Unix seconds. What turned true before, for customers who
            were judged by others or by none, does not fire.
    """

    def __init__(self, rules: Rules, churn: Churn = unknown_churn, since: float = 0.0) -> None:
        self._rules, self._churn, self._since = rules, churn, since
        self._silent = _together(rules.silent)
        self._silent_without_model = _together(rule for rule in rules.silent if "churn" not in rule.reads)
        self._all = _together(rules.rules)
        self._routes: dict[str, _Route] = {}

    def before(self, customer: str, state: State, at: float) -> list[Fired]:
        """What fired up to a moment, that one included, before something happens in it.

        Call it before an event, or a merge, changes the state; or at a tick, when nothing does.
        """
        memory = state.memory
        if memory is None:
            if state.last_at < 0.0:  # nothing was ever seen of them
                return []
            memory = state.memory = Memory("", at)
        if memory.version != self._rules.version:
            self._adopt(state, memory)
        due = at - heard_at(state) >= DAY or (memory.timers and min(memory.timers.values())[0] <= at)
        if not due:  # as it is at most events
            return []
        return self._pass(customer, state, memory, at)

    def after(self, customer: str, state: State, event: Event) -> list[Fired]:
        """What an event fired that was just applied to the state."""
        if state.last_at < 0.0:  # nothing was ever seen of them, and this changed nothing
            return []
        memory = state.memory
        if memory is None:
            memory = state.memory = Memory(self._rules.version, event.at)
        memory.looked = max(memory.looked, state.last_at)
        route = self._route(event.name)
        entered = event.name == ORDER or not memory.stage
        if not route.rules and not entered:
            return []
        now = max(state.last_at, event.at)
        snapshot = self._snapshot(state, memory, now, event, route.reads)
        moment = _Moment(customer, snapshot, event.id)
        fired = [each for rule in route.rules for each in self._reached(rule, moment, memory)]
        return fired + self._stage(moment, memory) if entered else fired

    def _pass(self, customer: str, state: State, memory: Memory, until: float) -> list[Fired]:
        """Judge at every moment up to one, in their order."""
        found: list[Fired] = []
        while (at := next_moment(state)) is not None and at <= until:
            now = max(at, state.last_at)
            for id_ in sorted(rule for rule, (moment, _) in memory.timers.items() if moment == at):
                _, cause = memory.timers.pop(id_)
                if (rule := self._rules.by_id.get(id_)) is not None:
                    snapshot = self._snapshot(state, memory, now, None, rule.reads)
                    found += self._judge(rule, _Moment(customer, snapshot, cause), memory)
            if at == next_look(heard_at(state), memory.looked):
                found += self._look(customer, state, memory, now)
            memory.looked = max(memory.looked, at)
        memory.looked = max(memory.looked, until)
        return found

    def _look(self, customer: str, state: State, memory: Memory, now: float) -> list[Fired]:
        """Judge a customer who did nothing since they were last heard of."""
        since = heard_at(state)
        days = round((now - since) / DAY)
        asked = days % MODEL_EVERY == 0 or days > DAILY
        route = self._silent if asked else self._silent_without_model
        snapshot = self._snapshot(state, memory, now, None, route.reads)
        moment = _Moment(customer, snapshot, f"silence:{since!r}")
        found = [each for rule in route.rules for each in self._judge(rule, moment, memory)]
        return found + self._stage(moment, memory)

    def _stage(self, moment: _Moment, memory: Memory) -> list[Fired]:
        """The customer's move to another stage, and what it fires."""
        snapshot = moment.snapshot
        entered, left = snapshot.stage, memory.stage
        if entered == left:
            return []
        memory.stage = entered
        cause = f"{entered}:{moment.cause}"
        known = _fired(moment, STAGE_ENTERED, cause, _why(snapshot, left), 0.0, left)
        route = self._route(STAGE_ENTERED)
        at = _Moment(moment.customer, snapshot.of_stage_entered(left, route.reads), cause)
        return [known, *(each for rule in route.rules for each in self._reached(rule, at, memory))]

    def _reached(self, rule: Rule, moment: _Moment, memory: Memory) -> list[Fired]:
        """Judge a rule at an event, or set its timer."""
        if rule.after is None:
            return self._judge(rule, moment, memory)
        memory.timers[rule.id] = (moment.snapshot.now + rule.after, moment.cause)
        return []

    def _judge(self, rule: Rule, moment: _Moment, memory: Memory) -> list[Fired]:
        """Whether a rule turned from false to true, and its cooldown is over."""
        snapshot = moment.snapshot
        holds = rule.when.holds(snapshot.facts)
        if rule.id in memory.held:
            if _rearms(rule, snapshot, holds):
                memory.held.remove(rule.id)
            return []
        if not holds:
            return []
        if not rule.always:
            memory.held.append(rule.id)
        last = memory.fired.get(rule.id)
        if last is not None and snapshot.now < last + rule.cooldown:
            return []
        memory.fired[rule.id] = snapshot.now
        return [_fired(moment, rule.id, moment.cause, snapshot.told(rule), rule.expires)]

    def _adopt(self, state: State, memory: Memory) -> None:
        """Take what holds as known, of a customer who was judged by other rules, or by none."""
        memory.looked = max(memory.looked, self._since, state.last_at)
        memory.version = self._rules.version
        snapshot = self._snapshot(state, memory, memory.looked, None, self._all.reads)
        memory.stage = snapshot.stage
        memory.held = [
            rule.id
            for rule in self._rules.rules
            if (rule.of_a_state and rule.when.holds(snapshot.facts))
            or (rule.rearm == NEVER and rule.id in memory.fired)
        ]
        known = self._rules.by_id
        memory.fired = {id_: at for id_, at in memory.fired.items() if id_ in known}
        memory.timers = {id_: set_ for id_, set_ in memory.timers.items() if id_ in known}

    def _snapshot(
        self, state: State, memory: Memory, now: float, event: Event | None, reads: frozenset[str]
    ) -> Snapshot:
        return Snapshot(state, now, memory.stage, event, self._churn, reads)

    def _route(self, name: str) -> _Route:
        """The rules that an event of that name concerns."""
        found = self._routes.get(name)
        if found is None:
            found = _together(rule for rule in self._rules.rules if rule.at(name))
            if len(self._routes) < 1_000:  # names come from outside
                self._routes[name] = found
        return found


def take_in(state: State, at: float) -> None:
    """Let what an import brought by a moment (Unix seconds) count as known: what holds then does not fire."""
    fired = {} if state.memory is None else state.memory.fired
    state.memory = Memory("", max(at, state.last_at), fired=fired)


def next_moment(state: State) -> float | None:
    """When a tick is due, if nothing happens before (Unix seconds); None: not before an event."""
    memory = state.memory
    if memory is None or state.merged_into:
        return None
    look = next_look(heard_at(state), memory.looked)
    moments = [at for at, _ in memory.timers.values()] + ([] if look is None else [look])
    return min(moments, default=None)


def _rearms(rule: Rule, snapshot: Snapshot, holds: bool) -> bool:
    """Whether a rule that held, or fired, may fire when it holds the next time."""
    if isinstance(rule.rearm, Expression):
        return rule.rearm.holds(snapshot.facts)
    return rule.rearm is None and not holds


def _why(snapshot: Snapshot, left: str) -> str:
    """Why somebody entered a stage and left another; the curve is named where the rhythm alone says less."""
    before = f"was {left}" if left else "first seen"
    foreseen = snapshot.stage == Stage.SLIPPING and lifecycle.lag(snapshot.values) <= lifecycle.SLIPPING
    return f"{before}, overdue and likely to leave" if foreseen else before


def _fired(moment: _Moment, rule: str, cause: str, reason: str, expires: float, previous: str = "") -> Fired:
    snapshot = moment.snapshot
    return Fired(
        trigger_id=trigger_id(moment.customer, rule, cause),
        customer_id=moment.customer,
        rule=rule,
        fired_at=iso(snapshot.now),
        expires_at=iso(snapshot.now + expires),
        reason=reason,
        stage=snapshot.stage,
        cause=cause,
        products=snapshot.products,
        previous=Stage(previous) if previous else None,
    )
