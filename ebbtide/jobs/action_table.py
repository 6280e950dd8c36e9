"""Read a log of actions from a file: which column is what, and each fault with its row."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ebbtide.errors import InputError
from ebbtide.logs.rejected import Rejection
from models.action_log import ActionLog, Array
from streaming.importing import mapping, tables

_TRUTH = {"true": "1", "false": "0"}


@dataclass(frozen=True)
class Columns:
    """Which column of a log plays which role.

    Attributes:
        action: what was done.
        reward: what came of it, a number.
        propensity: a column with the probability of the choice, or one number for all rows.
        context: what was known before.
        customer: whose rows stay together; None: each row is on its own.
    """

    action: str
    reward: str
    propensity: str
    context: tuple[str, ...] = ()
    customer: str | None = None


def read_actions(path: Path, columns: Columns, costs: Mapping[str, float]) -> ActionLog:
    """Read a log whole. A row that cannot be used ends it: to leave out rows would tilt every figure.

    Raises:
        InputError: no such file or column, a row that is not of the format, an action that is missing, a
            reward that is no number, a propensity outside (0, 1], one action only, or a cost of an unknown
            action; names the row (of text its line) or the column.
    """
    place = str(path)
    fixed = _fixed(path, columns.propensity)
    roles = {"action": columns.action, "reward": columns.reward}
    if fixed is None:
        roles["propensity"] = columns.propensity
    if columns.customer is not None:
        roles["customer"] = columns.customer
    context = {f"context {number}": name for number, name in enumerate(columns.context)}
    faults: list[Rejection] = []
    frame = tables.read_table(path, mapping.Mapping(roles | context), faults)
    if faults:
        raise InputError(f"{place}, row {faults[0].line}: {faults[0].reason}; mend the row or the file")
    line = frame["line"]
    taken = _text(frame["action"])
    _refuse(place, line, taken, taken.is_null(), f"`{columns.action}`: expected an action")
    propensity = np.full(len(frame), fixed or 0.0)
    if fixed is None:
        propensity = _numbers(place, line, frame["propensity"], columns.propensity, _PROBABILITY, _possible)
    reward = _numbers(place, line, frame["reward"], columns.reward, "a number", np.isfinite)
    actions = sorted(taken.unique())
    if len(actions) < 2:
        raise InputError(
            f"{place}: expected at least two actions in `{columns.action}`, found {actions[0]!r}"
        )
    group = frame["customer"].rank("dense").fill_null(0).to_numpy() if columns.customer else line.to_numpy()
    return ActionLog(
        actions=tuple(actions),
        cost=_costs(costs, actions),
        taken=np.searchsorted(np.array(actions, dtype=object), taken.to_numpy()).astype(np.intp),
        reward=reward,
        propensity=propensity,
        group=group.astype(np.intp),
        context=frame.select(_context(frame[role], name) for role, name in context.items()),
    )


_PROBABILITY = "the probability of the choice, above 0 and at most 1"


def _possible(values: Array) -> Any:
    return (values > 0.0) & (values <= 1.0)


def _fixed(path: Path, propensity: str) -> float | None:
    """The propensity of all rows, if what was given is a number and not a column of that name.

    Raises:
        InputError: it is a number outside (0, 1].
    """
    try:
        value = float(propensity)
    except ValueError:
        return None
    if path.is_file() and path.stat().st_size and propensity in tables.column_names(path):
        return None
    if not 0.0 < value <= 1.0:
        raise InputError(f"--propensity: expected a column, or {_PROBABILITY}; found {propensity}")
    return value


def _text(column: pl.Series) -> pl.Series:
    """Values as text; whole numbers without a point, as JSON and CSV have them."""
    if column.dtype.is_float() and bool((column.drop_nulls() % 1 == 0).all()):
        column = column.cast(pl.Int64)
    return column.cast(pl.String)


def _numbers(
    place: str, line: pl.Series, column: pl.Series, name: str, what: str, holds: Callable[[Array], Any]
) -> Array:
    as_found = column
    if column.dtype == pl.String:
        column = column.str.strip_chars().replace(_TRUTH)
    values = column.cast(pl.Float64, strict=False).fill_null(math.nan).to_numpy()
    _refuse(place, line, as_found, pl.Series(~holds(values)), f"`{name}`: expected {what}")
    return values


def _refuse(place: str, line: pl.Series, column: pl.Series, bad: pl.Series, expected: str) -> None:
    """Raise an error that names the first bad row, and says how many there are."""
    count = int(bad.sum())
    if count:
        first = int(bad.arg_max() or 0)
        found = "nothing" if column[first] is None else repr(column[first])
        raise InputError(f"{place}, row {line[first]}: {expected}, found {found} ({count:,} such rows)")


def _costs(costs: Mapping[str, float], actions: list[str]) -> Array:
    unknown = [name for name in costs if name not in actions]
    if unknown:
        known = ", ".join(actions[:20]) + (", ..." if len(actions) > 20 else "")
        raise InputError(f"--cost: no action {', '.join(unknown)}; the actions are: {known}")
    return np.array([costs.get(name, 0.0) for name in actions])


def _context(column: pl.Series, name: str) -> pl.Series:
    """A column of numbers if all that is there are numbers, else of text."""
    if column.dtype.is_temporal():
        column = column.cast(pl.Int64)
    values = column.cast(pl.Float64, strict=False)
    numeric = values.null_count() == column.null_count()
    return (values if numeric else column.cast(pl.String)).alias(name)
