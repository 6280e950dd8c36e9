"""The last third of a log as it would have come: one model, frozen where that begins, asked every week.

What the online correction adds to such a model is judged on it (`models.evaluation.prequential`).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.catalog import NAMES
from models.churn.curve import ChurnCurve
from models.churn.online import segments
from models.evaluation.backtest import trained
from models.evaluation.prequential import Prediction
from models.evaluation.timeline import DAY, Look, Schedule, Stop

Array = NDArray[np.float64]

WEEK = 7.0 * DAY
SEED = 7
_RECENCY, _ORDERS = NAMES.index("recency_days"), NAMES.index("orders_total")


class _Asked(NamedTuple):
    """What was said at a cut-off of the customers at `places` of a look, whose signals are let go of."""

    cut: float
    places: list[int]
    customers: NDArray[np.str_]
    said: Array
    segments: list[tuple[str, ...]]
    ordered: Array


def weekly(rolling: Schedule) -> Schedule:
    """Of a rolling schedule: what is known at its first test cut-off, and a test every week from that on."""
    first, last = rolling.tests[0], rolling.tests[-1]
    tests = tuple(np.arange(first, last + 1.0, WEEK).tolist())
    return Schedule(rolling.known(first), tests, rolling.horizon, rolling.active)


def arrivals(stops: Iterable[Stop], planned: Schedule, wanted: Callable[[str], bool]) -> list[Prediction]:
    """Ask the model of the first stop at every stop, and give its answers in order of time.

    Customers of one week come in a random order, the same at each call.

    Args:
        stops: of `models.evaluation.timeline.stops`, which are run to their end.
        planned: their schedule, of `weekly`.
        wanted: whether a customer is asked about.

    Raises:
        ModelError: too little is known at the first stop to train on.
    """
    curve: ChurnCurve | None = None
    asked = []
    for stop in stops:
        curve = curve or ChurnCurve(trained(stop.past, planned).artefact)
        asked.append(_ask(curve, stop.asked, planned.horizon, wanted))
    # Only now is it known when the customers ordered next.
    rng = np.random.default_rng(SEED)
    return [prediction for each in asked for prediction in _predictions(each, rng)]


def _ask(curve: ChurnCurve, look: Look, horizon: int, wanted: Callable[[str], bool]) -> _Asked:
    places = [place for place, customer in enumerate(look.customers) if wanted(customer)]
    matrix = look.matrix[places]
    said = curve.predict_many(matrix)[:, 0]
    groups = [segments(row[_RECENCY], row[_ORDERS], horizon) for row in matrix]
    return _Asked(look.cut, places, look.customers, said, groups, look.ordered)


def _predictions(asked: _Asked, rng: np.random.Generator) -> Iterator[Prediction]:
    for n in rng.permutation(len(asked.places)):
        place = asked.places[n]
        # A look's horizon begins with its first moment, the online model's just after it.
        ordered = float(asked.ordered[place]) + 1.0
        yield Prediction(
            str(asked.customers[place]), asked.cut, float(asked.said[n]), asked.segments[n], ordered
        )
