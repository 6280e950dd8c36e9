"""Policies to hold ours against: each constant action, uniform chance, the logging policy, Vowpal Wabbit.

They are judged on the same rows with the same models of the reward.
"""

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ebbtide.errors import ModelError
from models.actions.action_log import ActionLog, Places
from models.actions.offpolicy import Estimate, doubly_robust, estimate, interval, unusual
from models.actions.reward_models import RewardModels, average

Array = NDArray[np.float64]

VW = "--quiet --random_seed 7 --cb_type dr --cb"
"""Vowpal Wabbit's contextual bandit with its doubly robust learner; the number of actions follows."""
_AT_ONCE = 64
"""Policies whose values are in memory together."""


def vw_installed() -> bool:
    """Tell whether the extra `peers` with Vowpal Wabbit is installed."""
    return importlib.util.find_spec("vowpalwabbit") is not None


def vowpal_wabbit(log: ActionLog, inputs: Array, asked: Array, advance: Callable[[int], None]) -> Places:
    """Let Vowpal Wabbit learn from a log, in one pass, and choose an action in each context that is asked.

    It is given cost less reward, the propensities, and the inputs that ours is given. Units of progress are
    rows, learned from or asked.

    Raises:
        ModelError: it is not installed.
    """
    try:
        from vowpalwabbit import Workspace
    except ImportError as error:
        raise ModelError('vowpalwabbit is not installed: pip install "ebbtide[peers]"') from error
    workspace = Workspace(f"{VW} {len(log.actions)}")
    labels = zip(log.taken, -log.profit, log.propensity, strict=True)
    for (taken, cost, propensity), features in zip(labels, _features(inputs), strict=True):
        workspace.learn(f"{taken + 1}:{cost:.6g}:{propensity:.6g} {features}")
        advance(1)
    chosen = np.empty(len(asked), dtype=np.intp)
    for row, features in enumerate(_features(asked)):
        chosen[row] = int(workspace.predict(features)) - 1
        advance(1)
    workspace.finish()
    return chosen


def _features(inputs: Array) -> Iterator[str]:
    for row in inputs:
        yield "| " + " ".join(f"{place}:{row[place]:.5g}" for place in np.flatnonzero(row))


def judge(
    log: ActionLog,
    inputs: Array,
    models: RewardModels,
    choices: Mapping[str, Places],
    advance: Callable[[int], None],
) -> list[Estimate]:
    """Estimate the value of policies per decision from rows that neither they nor the models have seen.

    Args:
        log: the rows to judge on.
        inputs: their contexts as numbers, shape (n, inputs).
        models: what is expected of each action, for the doubly robust estimate.
        choices: the action that each policy takes in each row, by its name. Each constant action that was
            taken in some row (`always:NAME`), `uniform` and `logging` are judged as well.
        advance: told of each policy that is done.
    """
    weights, telling = _weights(log, choices), unusual(log.reward)
    found = []
    values = _values(log, inputs, models, choices)
    while block := list(islice(values, _AT_ONCE)):
        names, columns = [name for name, _ in block], np.column_stack([value for _, value in block])
        low, high = interval(columns, log.group)
        for name, column, *ends in zip(names, columns.T, low, high, strict=True):
            between = float(ends[0]), float(ends[1])
            found.append(estimate(name, weights(name), log.profit, column, between, telling))
        advance(len(block))
    return found


def constant(action: str) -> str:
    """The name of the policy that always takes an action."""
    return f"always:{action}"


def _weights(log: ActionLog, choices: Mapping[str, Places]) -> Callable[[str], Array]:
    places = {constant(action): place for place, action in enumerate(log.actions)}

    def weight(name: str) -> Array:
        if name == "logging":
            return np.ones(len(log))
        if name == "uniform":
            return 1.0 / (len(log.actions) * log.propensity)
        chosen = choices[name] if name in choices else places[name]
        found: Array = (log.taken == chosen) / log.propensity
        return found

    return weight


def _values(
    log: ActionLog, inputs: Array, models: RewardModels, choices: Mapping[str, Places]
) -> Iterator[tuple[str, Array]]:
    """The doubly robust value of each policy in each row, shape (n,), cost taken off.

    One action is looked at after the other: what all are expected to bring would not fit for thousands.
    """
    weights = _weights(log, choices)
    chosen = {name: np.empty(len(log)) for name in choices}
    uniform = np.zeros(len(log))
    own = np.empty(len(log))
    for place, action in enumerate(log.actions):
        net = average(models, inputs, place) - log.cost[place]
        taken = log.taken == place
        own[taken] = net[taken]
        uniform += net / len(log.actions)
        for name, choice in choices.items():
            chosen[name][choice == place] = net[choice == place]
        if taken.any():
            name = constant(action)
            yield name, doubly_robust(weights(name), log.profit, net, net)
    for name, expected in (*chosen.items(), ("uniform", uniform), ("logging", own)):
        yield name, doubly_robust(weights(name), log.profit, own, expected)
