"""The triggers of the demo's live part: what fired, and for whom last."""

from collections import Counter

from redis import Redis
from rich.markup import escape
from rich.table import Table

from ebbtide.domain.trigger import STAGE_ENTERED, Fired
from ebbtide.jobs.triggers import rules_of
from ebbtide.logs.triggers import TriggerLog
from ebbtide.settings import Settings


def in_force(settings: Settings, client: Redis, *, since: float) -> None:
    """Let the triggers be in force since a moment (Unix seconds, UTC), before the flow reads them."""
    TriggerLog(client).in_force_since(rules_of(settings).version, since)


def table(settings: Settings, client: Redis) -> Table:
    """How often each trigger fired, and why for whom it fired last."""
    counts: Counter[str] = Counter()
    newest: dict[str, Fired] = {}
    for _, one in TriggerLog(client).walk():
        counts[one.rule] += 1
        if one.rule not in newest or one.fired_at > newest[one.rule].fired_at:
            newest[one.rule] = one
    shown = Table(
        title=f"Triggers that fired; {counts[STAGE_ENTERED]:,} moves between stages beside them",
        title_justify="left",
    )
    shown.add_column("trigger")
    shown.add_column("fired", justify="right")
    for heading in ("last at", "customer", "because"):
        shown.add_column(heading)
    for rule in rules_of(settings).rules:
        if rule.id in newest:
            one = newest[rule.id]
            moment = one.fired_at[:16].replace("T", " ")
            shown.add_row(rule.id, f"{counts[rule.id]:,}", moment, one.customer_id, escape(one.reason))
    return shown
