"""Whether a policy by customer is learned where it helps, and none is invented where nothing is to find.

Simulated logs of three actions by equal chance, of which everything is known: in some, one action is better
than the others for half of the customers and worse for the rest; in others, all bring the same, in orders or
in money with a heavy tail. And a real e-mail test, halved again and again, as it is and with its actions
shuffled. Each policy is learned on one half and judged on the other, as `ebbtide evaluate actions` does.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.report import Result, options, say, show, told
from models.actions import policies
from models.actions.action_log import ActionLog
from models.actions.action_policy import LEARNERS, ActionPolicy, greedy, learn
from models.actions.context import ContextEncoder

Array = NDArray[np.float64]

MAILS = Path(__file__).parents[2] / "shared" / "data" / "hillstrom.parquet"
CONTEXT = ("recency", "history_segment", "history", "mens", "womens", "zip_code", "newbie", "channel")
COSTS = {"Mens E-Mail": 0.05, "Womens E-Mail": 0.05, "No E-Mail": 0.0}


def simulated(seed: int, rows: int, *, effect: bool, money: bool = False) -> tuple[ActionLog, Array]:
    """A log, and what each action brings each customer in the mean, shape (n, actions)."""
    rng = np.random.default_rng(seed)
    age, member = rng.normal(size=rows), rng.integers(2, size=rows)
    chances = np.tile((0.1 + 0.03 * np.tanh(age))[:, None], (1, 3))
    if effect:
        chances = np.tile((0.1 + 0.02 * member)[:, None], (1, 3))
        chances[:, 1] += np.where(member, 0.04, -0.03)
    taken = rng.integers(3, size=rows)
    reward = (rng.random(rows) < chances[np.arange(rows), taken]).astype(float)
    if money:
        reward *= 20.0 * (1.0 + rng.pareto(1.5, size=rows))
    context = pl.DataFrame({"age": age, "member": member})
    return _log(("a", "b", "c"), np.zeros(3), taken, reward, context), chances


def mails(costs: bool) -> ActionLog:
    """The e-mail test: what counts is a visit."""
    table = pl.read_parquet(MAILS)
    actions = tuple(sorted(COSTS))
    taken = table["segment"].replace_strict({name: place for place, name in enumerate(actions)}).to_numpy()
    cost = np.array([COSTS[name] if costs else 0.0 for name in actions])
    return _log(actions, cost, taken, table["visit"].to_numpy().astype(float), table.select(CONTEXT))


def _log(
    actions: tuple[str, ...], cost: Array, taken: NDArray[np.int64], reward: Array, context: pl.DataFrame
) -> ActionLog:
    rows = len(taken)
    chance = np.full(rows, 1.0 / len(actions))
    return ActionLog(actions, cost, taken.astype(np.intp), reward, chance, np.arange(rows), context)


def halved(log: ActionLog, seed: int) -> tuple[ActionPolicy, NDArray[np.intp], Array]:
    """What was learned on one half, the rows of the other, and their contexts as numbers."""
    half = log.folds(2, seed)
    train, held = log.part(np.flatnonzero(half == 0)), np.flatnonzero(half == 1)
    encoder = ContextEncoder(train)
    policy = learn(train, encoder.matrix(train), lambda _: None)
    return policy, held, encoder.matrix(log.part(held))


def found(logs: int, rows: int) -> Result:
    """How often a policy by customer is taken, and what share of what it could gain it gains."""
    taken, gained, possible = [], [], []
    for seed in range(logs):
        log, truth = simulated(seed, rows, effect=True)
        policy, held, asked = halved(log, seed)
        brings = truth[held]
        best = brings.mean(axis=0).max()
        taken.append(policy.learner is not None)
        gained.append(brings[np.arange(len(held)), policy.choose(asked)].mean() - best)
        possible.append(brings.max(axis=1).mean() - best)
    return {"taken": float(np.mean(taken)), "gained": float(np.sum(gained) / np.sum(possible))}


def invented(logs: Sequence[ActionLog]) -> float:
    """The share of logs without an effect in which a policy by customer is taken."""
    return float(np.mean([halved(log, seed)[0].learner is not None for seed, log in enumerate(logs)]))


def gains(log: ActionLog, halves: int) -> Result:
    """What each learner's policy gains over the best constant action if it is always taken, and ours.

    `spread` is that of the gain over the halves, `above` the share of halves in which it lies above 0.
    """
    names = ["ebbtide", *LEARNERS]
    each: dict[str, list[float]] = {name: [] for name in names}
    for seed in range(halves):
        policy, held, asked = halved(log, 100 + seed)
        choices = {"ebbtide": policy.choose(asked)} | {
            name: greedy(policy.models, asked, policy.cost, expect) for name, expect in LEARNERS.items()
        }
        judged = policies.judge(log.part(held), asked, policy.models, choices, lambda _: None)
        value = {one.name: one.dr for one in judged}
        best = max(value[name] for name in value if name.startswith("always:"))
        for name in names:
            each[name].append(value[name] - best)
    return {
        name: {
            "gain": float(np.mean(one)),
            "spread": float(np.std(one)),
            "above": float(np.mean(np.array(one) > 0.0)),
        }
        for name, one in each.items()
    }


def shuffled(log: ActionLog, count: int) -> list[ActionLog]:
    """The log with its actions dealt out anew: nothing can come of them."""
    return [replace(log, taken=np.random.default_rng(seed).permutation(log.taken)) for seed in range(count)]


def measure(logs: int, rows: int, halves: int) -> Result:
    """Learn on all logs."""
    with told(f"{logs} simulated logs with an effect"):
        result: Result = {"found": found(logs, rows)}
    with told(f"{2 * logs} simulated logs without one"):
        result["invented"] = {
            name: invented([simulated(seed, rows, effect=False, money=money)[0] for seed in range(logs)])
            for name, money in (("orders", False), ("money", True))
        }
    if not MAILS.exists():
        say(f"{MAILS} is not there: left out")
        return result
    with told(f"{halves} halves of the e-mail test, twice, and as many with its actions shuffled"):
        result["mails"] = {
            "visits": gains(mails(False), halves),
            "visits_less_costs": gains(mails(True), halves),
        }
        result["invented"]["mails"] = invented(shuffled(mails(False), halves))
    return result


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = options(__doc__)
    parser.add_argument("--logs", type=int, default=60, help="simulated logs of each kind")
    parser.add_argument("--rows", type=int, default=20_000, help="of each")
    parser.add_argument("--halves", type=int, default=30, help="of the e-mail test")
    given = parser.parse_args(arguments)
    show(measure(given.logs, given.rows, given.halves), as_json=given.json)


if __name__ == "__main__":
    main(sys.argv[1:])
