"""The learning curve: what fewer customers to learn from would have given, and so what more might add.

Ebbtide's model is trained on random parts of the customers known at a cut-off, and tested on everyone, as the
model of all of them was. Customers fall into eight parts by a hash of their id; an eighth is one part, a
quarter two neighbours, and so on, so that each draw lies within one of the next size. One draw of an eighth
says little: of each size several are taken that share no customer.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ebbtide.errors import ModelError
from models.churn.curve import ChurnCurve
from models.evaluation.backtest import OURS, Answers, samples_of, trained
from models.evaluation.bootstrap import intervals
from models.evaluation.evaluate import Labels, Probabilities, evaluate
from models.evaluation.timeline import Look, Schedule, Stop

PARTS = 8
SIZES = {"an eighth": 1, "a quarter": 2, "half": 4, "all": PARTS}
"""How many parts a draw has."""
MOST_DRAWS = 4
"""Draws of one size: so many train models on two and a half times the rows of all customers, in sum."""


class Point(NamedTuple):
    """A size of the parts, and the figures of models trained on them: means over the draws.

    `share` of the customers; `customers` and `train_rows` (a customer at a cut-off) that trained one model.
    `_lowest` and `_highest` are of single draws, and the same as the mean where there is one. `auc_low` and
    `auc_high` are the ends of the 95% interval of an AUC over the customers tested on, means over the draws.
    """

    share: float
    draws: int
    customers: int
    train_rows: int
    auc: float
    auc_lowest: float
    auc_highest: float
    auc_low: float
    auc_high: float
    log_loss: float
    log_loss_lowest: float
    log_loss_highest: float


class _Draw(NamedTuple):
    """Who trained a model, on how many rows, and what it then said of those asked about; shape (n,)."""

    customers: int
    rows: int
    said: Probabilities


def draws_of(parts: int) -> list[range]:
    """The draws of so many parts each: no part is in two of them, each lies within one of twice the size.

    >>> draws_of(1)
    [range(0, 1), range(2, 3), range(4, 5), range(6, 7)]
    >>> draws_of(4)
    [range(0, 4), range(4, 8)]
    """
    apart = max(parts, PARTS // MOST_DRAWS)
    return [range(first, first + parts) for first in range(0, PARTS, apart)]


DRAWS = sum(len(draws_of(parts)) for parts in SIZES.values())
"""Models of a learning curve, that of all customers included."""


def part_of(customer: str) -> int:
    """The part, 0 to 7, that a customer falls into; the same every time.

    Not by CRC-32, which says who trains at all (`models.evaluation.timeline.sampling`): with a salt it is the
    same but for a constant, for ids of one length.
    """
    return hashlib.blake2b(customer.encode(), digest_size=1).digest()[0] % PARTS


def learning_curve(
    stop: Stop, planned: Schedule, whole: Answers, advance: Callable[[int], None]
) -> tuple[list[Point], dict[str, str]]:
    """Train on parts of a stop's past and test on its customers; the fewest first, all of them last.

    Args:
        stop: with outcomes known, so after the replay has ended.
        planned: its schedule.
        whole: what the model of all customers said at it; it is not trained again.
        advance: told how many more models are done, of `DRAWS`.

    Returns:
        The points, and why a size has none: too few customers in a draw of it to train on.

    Raises:
        ModelError: all customers tested on churned, or none.
    """
    churned = whole.look.churned(planned.horizon)
    whose = [np.array([part_of(customer) for customer in look.customers]) for look in stop.past]
    points: list[Point] = []
    left_out: dict[str, str] = {}
    for name, parts in SIZES.items():
        draws = []
        for drawn in draws_of(parts):
            past = [_within(look, each, drawn) for look, each in zip(stop.past, whose, strict=True)]
            try:
                said = whole.said[OURS] if parts == PARTS else _said(past, planned, stop.asked)
                draws.append(_Draw(*_counted(past), said))
            except ModelError as error:
                left_out.setdefault(name, str(error))
            advance(1)
        if name not in left_out:
            points.append(_point(parts / PARTS, draws, churned, stop.asked))
    return points, left_out


def _within(look: Look, whose: NDArray[np.int_], drawn: range) -> Look:
    """A look at the customers of some parts alone."""
    kept = (whose >= drawn.start) & (whose < drawn.stop)
    return Look(look.cut, look.customers[kept], look.matrix[kept], look.ordered[kept])


def _said(past: Sequence[Look], planned: Schedule, asked: Look) -> Probabilities:
    said: Probabilities = ChurnCurve(trained(past, planned).artefact).predict_many(asked.matrix)[:, 0]
    return said


def _counted(past: Sequence[Look]) -> tuple[int, int]:
    """The customers and the rows of looks."""
    rows = np.concatenate([look.customers for look in past])
    return len(np.unique(rows)), len(rows)


def _point(share: float, draws: Sequence[_Draw], churned: Labels, asked: Look) -> Point:
    samples = samples_of(len(churned))
    measured = [evaluate(churned, draw.said) for draw in draws]
    ends = [intervals(churned, draw.said, asked.customers, ["roc_auc"], samples)["roc_auc"] for draw in draws]
    low, high = np.mean(ends, axis=0)
    return Point(
        share,
        len(draws),
        round(np.mean([draw.customers for draw in draws])),
        round(np.mean([draw.rows for draw in draws])),
        *_spread([each["roc_auc"] for each in measured]),
        float(low),
        float(high),
        *_spread([each["log_loss"] for each in measured]),
    )


def _spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean, lowest and highest."""
    return float(np.mean(values)), min(values), max(values)
