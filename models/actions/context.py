"""Contexts as numbers on one scale, so that one penalty fits all of them."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.actions.action_log import ActionLog

Array = NDArray[np.float64]

LEVELS = 30
"""Values of a text column that get an input of their own: the most frequent. All others share the zero."""
RAREST = 10
"""Rows that a value needs for an input of its own."""
FARTHEST = 4.0
"""Standard deviations from the mean at which a number is held: a few huge values would steer a line."""


@dataclass(frozen=True)
class _Number:
    name: str
    centre: float
    scale: float
    filler: float
    gaps: float | None

    def inputs(self, column: pl.Series) -> list[Array]:
        found = column.cast(pl.Float64).fill_nan(None)
        values = (found.fill_null(self.filler).to_numpy() - self.centre) / self.scale
        inputs = [np.clip(values, -FARTHEST, FARTHEST)]
        if self.gaps is not None:
            inputs.append(found.is_null().to_numpy() - self.gaps)
        return inputs


@dataclass(frozen=True)
class _Text:
    name: str
    shares: dict[str, float]

    def inputs(self, column: pl.Series) -> list[Array]:
        text = column.fill_null("").to_numpy()
        return [(text == level) - share for level, share in self.shares.items()]


class ContextEncoder:
    """Learns the scale of numbers and the values of text from a log, and turns contexts into matrices.

    Numbers are standardised; a missing one becomes the median, and where the log lacks some, an input says
    so. Text becomes one input for each frequent value, missing included.
    """

    def __init__(self, log: ActionLog) -> None:
        self._columns = [_text(one) if one.dtype == pl.String else _number(one) for one in log.context]

    def matrix(self, log: ActionLog) -> Array:
        """Give the inputs of each row of a log, shape (n, inputs)."""
        inputs = [one for column in self._columns for one in column.inputs(log.context[column.name])]
        return np.column_stack(inputs).astype(float) if inputs else np.empty((len(log), 0))


def _number(column: pl.Series) -> _Number:
    known = column.cast(pl.Float64).fill_nan(None)
    gaps = known.null_count() / max(1, len(known))
    values = known.drop_nulls().to_numpy()
    if not len(values):
        return _Number(column.name, 0.0, 1.0, 0.0, None)
    scale = float(values.std())
    filler = float(np.median(values))
    return _Number(column.name, float(values.mean()), scale or 1.0, filler, gaps or None)


def _text(column: pl.Series) -> _Text:
    text = column.fill_null("").to_numpy()
    levels, counts = np.unique(text, return_counts=True)
    order = np.lexsort((levels, -counts))[:LEVELS]
    return _Text(
        column.name, {str(levels[at]): counts[at] / len(text) for at in order if counts[at] >= RAREST}
    )
