"""Evaluate actions on any log: one half trains, the other says what each policy would have got."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ebbtide.errors import InputError
from ebbtide.jobs.action_table import Columns, read_actions
from ebbtide.jobs.progress import Progress
from models.actions import action_policy, policies
from models.actions.action_log import ActionLog, Array, Places
from models.actions.action_policy import Gain
from models.actions.context import ContextEncoder
from models.actions.offpolicy import Estimate

FEWEST = 100
"""Rows that a log needs; with fewer, every interval would be as wide as the rewards."""
FEW_EFFECTIVE = 50
"""Effective rows, or customers, below which a bootstrap may not have seen what is rare."""
FEW_REWARDS = 5
"""Effective rewards below which it has not: where two are to be expected, one interval in seven misses
the truth; where one is, one in three."""
SEED = 7
_TOO_NARROW = "their intervals are too narrow to be believed"
ODD = 5.0
"""Standard errors by which an action's share may differ from what its propensities say."""


@dataclass(frozen=True)
class ActionEvaluation:
    """What each policy would have got per decision, on the same rows.

    `chosen` is how Ebbtide chooses: `always:VALUE`, or the way its policy was learned. `gains` are those of
    each way over the best constant action in the rows trained on, with the lower end that decided.
    """

    data: str
    rows: int
    trained_on: int
    judged_on: int
    actions: list[str]
    costs: dict[str, float]
    chosen: str
    gains: dict[str, Gain] = field(repr=False)
    policies: list[Estimate]
    notes: list[str]

    def public(self) -> dict[str, Any]:
        """What is printed as JSON."""
        return asdict(self) | {"gains": {name: gain._asdict() for name, gain in self.gains.items()}}


def evaluate_actions(
    path: Path, columns: Columns, costs: Mapping[str, float], *, progress: Progress
) -> ActionEvaluation:
    """Learn a policy on one half of a log, drawn at random, and judge it and its peers on the other.

    Raises:
        InputError: the log cannot be read or used; names the row or column.
    """
    with progress("Read") as advance:
        log = read_actions(path, columns, costs)
        advance(len(log))
    if len(log) < FEWEST:
        raise InputError(f"{path}: expected at least {FEWEST} rows, found {len(log)}; log for longer")
    half = log.folds(2, SEED)
    train, judged = (log.part(np.flatnonzero(half == number)) for number in (0, 1))
    encoder = ContextEncoder(train)
    inputs, asked = encoder.matrix(train), encoder.matrix(judged)
    with progress("Learn", action_policy.FOLDS + 1) as advance:
        ours = action_policy.learn(train, inputs, advance, SEED)
    choices = {"ebbtide": ours.choose(asked)} | _vw(train, inputs, asked, progress)
    with progress("Judge", len(log.actions) + len(choices) + 2) as advance:
        found = policies.judge(judged, asked, ours.models, choices, advance)
    found.sort(key=lambda one: (one.name != "ebbtide", one.name.startswith("always:")))
    return ActionEvaluation(
        data=path.name,
        rows=len(log),
        trained_on=len(train),
        judged_on=len(judged),
        actions=list(log.actions),
        costs=dict(costs),
        chosen=ours.learner or policies.constant(log.actions[ours.constant]),
        gains=ours.gains,
        policies=found,
        notes=_notes(log, judged, found),
    )


def _vw(train: ActionLog, inputs: Array, asked: Array, progress: Progress) -> dict[str, Places]:
    if not policies.vw_installed():
        return {}
    with progress("Vowpal Wabbit", len(inputs) + len(asked)) as advance:
        return {"vw": policies.vowpal_wabbit(train, inputs, asked, advance)}


def _notes(log: ActionLog, judged: ActionLog, found: list[Estimate]) -> list[str]:
    """What the reader should know before believing the figures."""
    notes = []
    if not policies.vw_installed():
        notes.append('vw: left out, vowpalwabbit is not installed: pip install "ebbtide[peers]"')
    unseen = len(log.actions) - len(np.unique(judged.taken))
    if unseen:
        notes.append(f"left out: {unseen} constant actions that no row judged on took; the log cannot tell")
    odd = [name for place, name in enumerate(log.actions) if _odd(log, place)]
    if odd:
        notes.append(
            f"the propensities do not fit how often these were taken: {', '.join(odd[:5])}. "
            "Expected weights (1 / propensity where taken, else 0) of mean 1; check them, all depends on it. "
            "Where actions differ in their chance, give each one's: --propensity ACTION=NUMBER"
        )
    return notes + _doubts(judged, found)


def _doubts(judged: ActionLog, found: list[Estimate]) -> list[str]:
    """Where too little speaks of a policy for its interval to be believed."""
    doubts = []
    customers = len(np.unique(judged.group))
    if customers < FEW_EFFECTIVE:
        doubts.append(f"fewer than {FEW_EFFECTIVE} customers ({customers}) are judged on: {_TOO_NARROW}")
    vague = [one.name for one in found if one.effective_sample_size < FEW_EFFECTIVE]
    if vague:
        doubts.append(f"fewer than {FEW_EFFECTIVE} effective rows speak of {_some(vague)}: {_TOO_NARROW}")
    rare = [one.name for one in found if one.name not in vague and one.effective_rewards < FEW_REWARDS]
    if rare:
        doubts.append(f"fewer than {FEW_REWARDS} effective rewards speak of {_some(rare)}: {_TOO_NARROW}")
    return doubts


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _odd(log: ActionLog, place: int) -> bool:
    """Tell whether the weights of a constant action are off their mean, which is 1 if all is right."""
    taken = log.taken == place
    if taken.sum() < FEW_EFFECTIVE:
        return False
    weight = taken / log.propensity
    error = max(float(weight.std()), 1.0) / np.sqrt(len(log))
    return bool(abs(weight.mean() - 1.0) > ODD * error)
