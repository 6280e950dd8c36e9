"""Triggers: the rules of `triggers.yaml`, each a moment to speak to a customer that says why.

What a rule says of one customer at one moment is here; when it is asked, and when it fires, is in
`models.triggers.moments`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ebbtide.domain.decision import Trigger
from ebbtide.domain.trigger import Fired
from models.expressions import Expression, Facts, share
from models.triggers.trigger_reasons import OF_PRODUCTS, Seen, filled, slots

SILENCE = "silence"
"""Stands among the events of a rule for the daily look at a silent customer."""
ALWAYS, NEVER = "always", "never"


@dataclass(frozen=True)
class Rule:
    """One entry of the file; durations in seconds.

    `events` is None for a rule that is judged at all of them, and in silence. `rearm` is `always`, `never`, a
    condition, or None: once `when` no longer holds.
    """

    id: str
    when: Expression
    reason: str
    events: frozenset[str] | None = None
    after: float | None = None
    cooldown: float = 86_400.0
    rearm: Expression | str | None = None
    expires: float = 7 * 86_400.0

    @cached_property
    def reads(self) -> frozenset[str]:
        """The variables that it needs: `profile`, `stage`, `churn`, `event`."""
        told = {slot.partition(".")[0] for slot in slots(self.reason)}
        return frozenset({root for each in self.conditions for root, _ in each.reads} | told)

    @property
    def conditions(self) -> list[Expression]:
        """What it has in CEL."""
        return [self.when, self.rearm] if isinstance(self.rearm, Expression) else [self.when]

    @property
    def always(self) -> bool:
        """Whether it fires at each moment at which its condition holds."""
        return self.rearm == ALWAYS

    @property
    def of_a_state(self) -> bool:
        """Whether it can be judged and told at any moment, without an event, a wait or a product."""
        return self.after is None and not self.always and OF_PRODUCTS.isdisjoint(slots(self.reason))

    def at(self, event_name: str) -> bool:
        """Whether it is judged at such an event, or waits from it; or in silence."""
        return self.events is None or event_name in self.events


@dataclass(frozen=True)
class Rules:
    """All rules in the order of the file; `version` changes with the file's content."""

    rules: tuple[Rule, ...]
    version: str

    def __post_init__(self) -> None:
        """Let those that are judged together be judged at little more than the cost of one."""
        share(each for rule in self.silent for each in rule.conditions)

    @cached_property
    def silent(self) -> list[Rule]:
        """Those that are judged in silence."""
        return [rule for rule in self.rules if rule.after is None and rule.at(SILENCE)]

    @cached_property
    def of_a_state(self) -> list[Rule]:
        """Those that can be judged at any moment."""
        return [rule for rule in self.rules if rule.of_a_state]

    @cached_property
    def by_id(self) -> Mapping[str, Rule]:
        """The rules by their ids."""
        return {rule.id: rule for rule in self.rules}


def standing(
    rules: Rules,
    values: Mapping[str, float],
    stage: str,
    churn: float | None,
    facts: Facts | None = None,
) -> tuple[Trigger, ...]:
    """The rules that hold at a moment, of those that are about the customer and not about an event.

    Args:
        rules: of the file.
        values: the signals by name.
        stage: the customer's stage.
        churn: probability of churn at the model's main horizon, None without a model.
        facts: these values as facts, where somebody made them already.
    """
    facts = facts or Facts(values, stage=stage, churn=churn)
    seen = Seen(values, stage, churn, {})
    return tuple(
        Trigger(rule.id, filled(rule.reason, seen)) for rule in rules.of_a_state if rule.when.holds(facts)
    )


def open_triggers(
    rules: Rules,
    fired: Sequence[Fired],
    values: Mapping[str, float],
    stage: str,
    churn: float | None,
    facts: Facts | None = None,
) -> tuple[Trigger, ...]:
    """The triggers to speak of in a decision, in the order of the file.

    They are those that fired and stand (`ebbtide.logs.triggers.TriggerLog.open_of`), and the rules that hold
    now though they have not fired: for who was in that condition when they were first judged.
    """
    facts = facts or Facts(values, stage=stage, churn=churn)
    held = standing(rules, values, stage, churn, facts)
    if not fired:
        return held
    found = {one.id: one for one in held}
    for one in fired:
        rule = rules.by_id.get(one.rule)
        if rule is not None and one.rule not in found and _still(rule, facts):
            found[rule.id] = Trigger(rule.id, one.reason)
    return tuple(found[rule.id] for rule in rules.rules if rule.id in found)


def _still(rule: Rule, facts: Facts) -> bool:
    """Whether what fired is still so; what is about an event stays so until it expires."""
    return any(root == "event" for root, _ in rule.when.reads) or rule.when.holds(facts)
