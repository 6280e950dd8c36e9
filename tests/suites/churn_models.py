"""The conformance kit of churn models: what each must hold, whichever library or form it comes in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """A churn model under test.

    Attributes:
        predict: probabilities by horizon, shape (n, horizons), for signals of shape (n, signals).
        falls: whether they fall as the horizon grows (silence), or rise (cancellation).
        reload: the same model from its saved form; for one that has none, trained again on the same rows.
    """

    predict: Callable[[Array], Array]
    falls: bool
    reload: Callable[[], "Model"]


def leaves_its_input_as_it_was(model: Model, signals: Array) -> None:
    """A vector is shared with whoever asked."""
    before = signals.copy()
    frozen = signals.copy()
    frozen.flags.writeable = False
    model.predict(frozen)
    model.predict(signals)
    assert np.array_equal(signals, before, equal_nan=True)


def says_the_same_once_reloaded(model: Model, signals: Array) -> None:
    """What was judged is what serves."""
    assert np.array_equal(model.predict(signals), model.reload().predict(signals))


def says_the_same_twice(model: Model, signals: Array) -> None:
    """Asking changes nothing."""
    assert np.array_equal(model.predict(signals), model.predict(signals))


def takes_missing_signals(model: Model, signals: Array) -> None:
    """Any signal may be missing, and all of them."""
    some = np.where(np.random.default_rng(3).random(signals.shape) < 0.5, np.nan, signals)
    for matrix in (some, np.full_like(signals, np.nan), np.zeros_like(signals)):
        assert np.isfinite(model.predict(matrix)).all()


def gives_probabilities(model: Model, signals: Array) -> None:
    """From 0 to 1, for values that nobody has seen too."""
    for matrix in (signals, signals * 1e6, signals / 1e6):
        found = model.predict(matrix)
        assert ((found >= 0.0) & (found <= 1.0)).all()


def orders_its_horizons(model: Model, signals: Array) -> None:
    """Who is silent for 60 days is silent for 30; who cancels within 30 days does so within 60."""
    for matrix in (signals, signals * 1e3, np.full_like(signals, np.nan)):
        steps = np.diff(model.predict(matrix), axis=1)
        assert ((steps <= 0.0) if model.falls else (steps >= 0.0)).all()


def says_of_one_what_it_says_among_many(model: Model, signals: Array) -> None:
    """Neither the other rows nor their order matter."""
    together = model.predict(signals)
    alone = np.vstack([model.predict(signals[place : place + 1]) for place in range(len(signals))])
    assert np.allclose(together, alone, rtol=0.0, atol=1e-12)
    assert np.allclose(together[::-1], model.predict(signals[::-1]), rtol=0.0, atol=1e-12)


CHECKS = (
    leaves_its_input_as_it_was,
    says_the_same_once_reloaded,
    says_the_same_twice,
    takes_missing_signals,
    gives_probabilities,
    orders_its_horizons,
    says_of_one_what_it_says_among_many,
)
