"""How much is lost while learning which action to take, beside Vowpal Wabbit's SquareCB in the same run.

In a simulated shop the best action for each customer is known. Regret is the sum, over decisions, of what it
would have got more. Ebbtide learns and explores with the code that serves: `models.actions.action_learning`,
`models.actions.responses` and `models.actions.exploration`. Vowpal Wabbit sees the same customers in the same
order, with the same luck; it is given the scale on which all is linear, learns after every decision, and has
its own defaults.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.report import Result, options, say, show, told
from benchmarks.simulator import ACTIONS, SIGNALS, Shop, averse, logs
from models.actions.action_learning import Outcome, ResponseLearner
from models.actions.action_log import ActionLog
from models.actions.exploration import choose, grown, inverse_gap, normalised
from models.actions.offpolicy import doubly_robust, interval
from models.actions.responses import Responses
from models.actions.reward_models import RewardModels, average

Array = NDArray[np.float64]
Places = NDArray[np.intp]

GAMMA = 100.0
"""What `exploration` is in the policy that ships."""
PUBLISHED_EVERY = 20
"""Outcomes after which what was learned is published, as the stream does after some time."""
VW = "--quiet --cb_explore_adf --squarecb --random_seed 7 -q UA"
PLANTED = {"better": 0.0, "worse": 0.5}
"""Policies planted: the share of customers for whom each takes any action instead of the best one."""


@dataclass(frozen=True)
class Run:
    """One learner in one shop: what it took, with which probability, and its regret so far, shape (n,)."""

    taken: Places
    propensity: Array
    regret: Array


def ebbtide(shop: Shop, rounds: int) -> Run:
    """Decide, learn and publish as in production."""
    customers, chances, luck = _world(shop, rounds)
    learner = ResponseLearner("simulated", SIGNALS)
    responses = Responses(learner.document())
    taken, propensity = np.empty(rounds, dtype=np.intp), np.empty(rounds)
    for place, customer in enumerate(customers):
        if place % PUBLISHED_EVERY == 0:
            responses = Responses(learner.document())
        values = responses.respond(customer.tolist(), ACTIONS)
        found = inverse_gap(normalised(values), grown(GAMMA, responses.outcomes))
        one = taken[place] = choose(found, f"{shop.seed}-{place}")
        propensity[place] = found[one]
        learner.learn(Outcome(ACTIONS[one], customer, bool(luck[place] < chances[place, one]), 1.0))
    return _run(taken, propensity, chances)


def vowpal_wabbit(shop: Shop, rounds: int, arguments: str) -> Run:
    """Let Vowpal Wabbit decide and learn; cost is 0 less the order."""
    from vowpalwabbit import Workspace

    customers, chances, luck = _world(shop, rounds)
    rng = np.random.default_rng((shop.seed, 6))
    workspace = Workspace(arguments)
    lines = [f"|A {action.id}" for action in ACTIONS]
    taken, propensity = np.empty(rounds, dtype=np.intp), np.empty(rounds)
    for place, customer in enumerate(logs(customers)):
        shared = "shared |U " + " ".join(f"{n}:{v:.6g}" for n, v in zip(SIGNALS, customer, strict=True))
        found = np.asarray(workspace.predict([shared, *lines]))
        one = taken[place] = int(rng.choice(len(ACTIONS), p=found / found.sum()))
        propensity[place] = found[one]
        cost = -float(luck[place] < chances[place, one])
        labelled = [f"0:{cost}:{found[one]:.6g} {line}" if n == one else line for n, line in enumerate(lines)]
        workspace.learn([shared, *labelled])
    workspace.finish()
    return _run(taken, propensity, chances)


def planted(shop: Shop, run: Run) -> Result:
    """Judge planted policies on the log of a run: whether they are told apart, and the truth is covered.

    They are told apart if the interval of their difference, row by row, lies above 0.
    """
    customers, chances, luck = _world(shop, len(run.taken))
    log = ActionLog(
        actions=tuple(action.id for action in ACTIONS),
        cost=np.zeros(len(ACTIONS)),
        taken=run.taken,
        reward=(luck < chances[np.arange(len(luck)), run.taken]).astype(float),
        propensity=run.propensity,
        group=np.arange(len(luck)),
        context=pl.DataFrame(),
    )
    expected = _expected(log, logs(customers))
    choices = [_mixed(shop, chances, share) for share in PLANTED.values()]
    better, worse = (_value(log, expected, choice) for choice in choices)
    low, high = interval(np.column_stack([better, worse, better - worse]), log.group)
    truth = [float(chances[np.arange(len(log)), choice].mean()) for choice in choices]
    covered = [low[place] <= one <= high[place] for place, one in enumerate(truth)]
    return {
        "told_apart": float(low[2] > 0.0),
        "covered": float(np.mean(covered)),
        "gain": float((better - worse).mean()),
        "gain_low": float(low[2]),
        "gain_high": float(high[2]),
        "gain_truth": truth[0] - truth[1],
    }


def _expected(log: ActionLog, inputs: Array) -> Array:
    """What models expect of each action in each row, which have learned from the other half."""
    expected = np.empty((len(log), len(log.actions)))
    fold = log.folds(2, seed=7)
    for number in range(2):
        held, others = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        models = RewardModels(log.part(others), inputs[others])
        for place in range(len(log.actions)):
            expected[held, place] = average(models, inputs[held], place)
    return expected


def _mixed(shop: Shop, chances: Array, share: float) -> Places:
    """The best action for each customer, but for a share of them any one."""
    rng = np.random.default_rng((shop.seed, 5))
    any_one = rng.integers(len(ACTIONS), size=len(chances))
    return np.where(rng.random(len(chances)) < share, any_one, chances.argmax(axis=1))


def _value(log: ActionLog, expected: Array, choice: Places) -> Array:
    """What a policy would get in each row, doubly robust, shape (n,)."""
    rows = np.arange(len(log))
    weight = (log.taken == choice) / log.propensity
    return doubly_robust(weight, log.reward, expected[rows, log.taken], expected[rows, choice])


def left_alone(shop: Shop, run: Run) -> float:
    """The share of customers whom contact drives away who got none, in the last quarter of a run."""
    _, chances, _ = _world(shop, len(run.taken))
    late = np.arange(len(run.taken)) >= len(run.taken) * 3 // 4
    return float((run.taken == 0)[averse(chances) & late].mean())


def measure(seeds: Sequence[int], rounds: int, arguments: str) -> Result:
    """Run both learners in each shop."""
    ours, theirs = [], []
    for seed in seeds:
        with told(f"shop {seed}: {rounds:,} decisions of each"):
            ours.append(ebbtide(Shop(seed), rounds))
            theirs.append(vowpal_wabbit(Shop(seed), rounds, arguments))
            say(f"  regret: ebbtide {ours[-1].regret[-1]:.1f}, vw {theirs[-1].regret[-1]:.1f}")
    uniform = [_uniform(Shop(seed), rounds) for seed in seeds]
    apart = [planted(Shop(seed), run) for seed, run in zip(seeds, ours, strict=True)]
    return {
        "rounds": rounds,
        "shops": len(seeds),
        "ratio_vw": sum(run.regret[-1] for run in ours) / sum(run.regret[-1] for run in theirs),
        "regret": {
            "ebbtide": float(np.mean([run.regret[-1] for run in ours])),
            "vw": float(np.mean([run.regret[-1] for run in theirs])),
            "uniform": float(np.mean(uniform)),
        },
        "regret_in_last_quarter": {
            name: float(np.mean([run.regret[-1] - run.regret[rounds * 3 // 4] for run in runs]))
            for name, runs in (("ebbtide", ours), ("vw", theirs))
        },
        "averse_left_alone": {
            name: float(np.mean([left_alone(Shop(seed), run) for seed, run in zip(seeds, runs, strict=True)]))
            for name, runs in (("ebbtide", ours), ("vw", theirs))
        },
        "planted": {name: float(np.mean([one[name] for one in apart])) for name in apart[0]},
        "vw_arguments": arguments,
    }


def _world(shop: Shop, rounds: int) -> tuple[Array, Array, Array]:
    customers = shop.customers(rounds)
    return customers, shop.chances(customers), shop.luck(rounds)


def _run(taken: Places, propensity: Array, chances: Array) -> Run:
    lost = chances.max(axis=1) - chances[np.arange(len(taken)), taken]
    return Run(taken, propensity, np.cumsum(lost))


def _uniform(shop: Shop, rounds: int) -> float:
    _, chances, _ = _world(shop, rounds)
    return float((chances.max(axis=1) - chances.mean(axis=1)).sum())


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=10_000, help="decisions in each shop")
    parser.add_argument("--seeds", type=int, default=5, help="shops")
    parser.add_argument("--first-seed", type=int, default=100, help="of the shops")
    parser.add_argument("--vw", default=VW, help="arguments of Vowpal Wabbit")
    given = parser.parse_args(arguments)
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    show(measure(seeds, given.rounds, given.vw), as_json=given.json)


if __name__ == "__main__":
    main(sys.argv[1:])
