"""What a changed policy would have brought, from the log of the one in force (`models.actions.logged`).

What was never possible in the log, nobody can tell from it: then this says so, and gives no figure.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.actions.actions import ActionCatalogue
from models.actions.logged import Logged, Row, Valued, effective
from models.actions.recorded import Recorded

FEWEST = 100
"""Decisions with a known outcome that are needed."""
FEW_EFFECTIVE = 50.0
"""Effective rows below which an interval is too narrow to be believed."""
IMPOSSIBLE = 0.02
"""The share of what a policy would do that may have been impossible in the log."""


@dataclass(frozen=True)
class Share:
    """How often an action was taken in the log, and how often the changed policy would take it."""

    action: str
    logged: float
    changed: float
    impossible: float


@dataclass(frozen=True)
class WhatIf:
    """What a changed policy would have brought.

    Attributes:
        rows: decisions judged.
        shares: of each action.
        impossible: the share of what the changed policy would do that was impossible in the log.
        effective_sample_size: how many rows of equal weight would tell as much.
        refusal: why the log cannot tell; then there are no figures.
        changed, logged, gain: the changed policy, the one that logged, and the difference.
    """

    rows: int
    shares: list[Share]
    impossible: float
    effective_sample_size: float
    refusal: str | None
    changed: Valued | None = None
    logged: Valued | None = None
    gain: Valued | None = None


def what_if(
    rows: Sequence[Row],
    policy: ActionCatalogue,
    costs: Mapping[str, float],
    outcomes: Callable[[str], int],
    advance: Callable[[int], None],
) -> WhatIf:
    """Judge a changed policy.

    Args:
        rows: logged decisions for customers who were not held out.
        policy: the changed one.
        costs: of the actions under the policy that logged, by id.
        outcomes: tells by the version of a response model how many it was learned from.
        advance: told of each decision made again.
    """
    if not rows:
        return WhatIf(0, [], 0.0, 0.0, "the log has no decision whose outcome is known yet")
    logged = Logged(rows, _actions(rows, policy), costs)
    chances = logged.again(policy, lambda receipt: Recorded.of(receipt, outcomes), advance)
    impossible = np.where(logged.chances == 0.0, chances, 0.0).mean(axis=0)
    counted = np.bincount(logged.log.taken, minlength=len(logged.actions)) / len(rows)
    figures = zip(logged.actions, counted, chances.mean(axis=0), impossible, strict=True)
    shares = [Share(action, *map(float, each)) for action, *each in figures]
    size = effective(logged.weight(chances))
    found = WhatIf(len(rows), shares, float(impossible.sum()), size, None)
    refusal = _refusal(found, certain=bool((logged.log.propensity == 1.0).all()))
    if refusal is not None:
        return replace(found, refusal=refusal)
    own = dict(costs) | {action.id: action.cost for action in policy.actions}
    expected, profit = logged.expected(), logged.log.profit
    changed = logged.values(chances, expected, np.array([own.get(action, 0.0) for action in logged.actions]))
    values = logged.valued(changed, profit, changed - profit)
    return replace(found, changed=values[0], logged=values[1], gain=values[2])


def _actions(rows: Sequence[Row], policy: ActionCatalogue) -> list[str]:
    """Every action of the policy and of the log."""
    named = dict.fromkeys(action.id for action in policy.actions)
    for row in rows:
        named |= dict.fromkeys(one.id for one in row.receipt.candidates)
    return list(named)


def _refusal(found: WhatIf, *, certain: bool) -> str | None:
    """Why the log cannot tell; None if it can."""
    if found.rows < FEWEST:
        return f"expected at least {FEWEST} decisions with a known outcome, found {found.rows}; wait for more"
    if found.impossible > IMPOSSIBLE:
        worst = sorted(found.shares, key=lambda share: -share.impossible)
        named = ", ".join(
            f"{share.action} ({share.impossible:.1%})" for share in worst[:3] if share.impossible > 0.0
        )
        why = "the log's choices were certain: set `exploration`" if certain else "let them be tried first"
        return (
            f"{found.impossible:.1%} of what this policy would do was impossible in the log: {named}; "
            f"nobody can tell from it what would have come of that ({why})"
        )
    if found.effective_sample_size < FEW_EFFECTIVE:
        return (
            f"expected at least {FEW_EFFECTIVE:.0f} effective decisions, found "
            f"{found.effective_sample_size:.0f} in {found.rows}: the log seldom did what this policy would do"
        )
    return None
