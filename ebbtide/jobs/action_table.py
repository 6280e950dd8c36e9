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
from models.actions.action_log import ActionLog, Array, Places
from streaming.importing import mapping, tables

PROBABILITY = "the probability of the choice, above 0 and at most 1"
REWARD = "a number, true or false, yes or no; 0 where nothing came of it"
ROUNDING = 0.01
"""By how much chances such as .333 may miss 1 together."""
_TRUTH = {"true": "1", "false": "0", "yes": "1", "no": "0"}
_MISSING = ("", "na", "n/a", "nan", "null", "none")
"""How tools write, in any case of letters, that a value is not there."""


@dataclass(frozen=True)
class Columns:
    """Which column of a log plays which role.

    Attributes:
        action: what was done.
        reward: what came of it, a number.
        propensity: a column with the probability of the choice, one number for all rows, or one by action.
        context: what was known before.
        customer: whose rows stay together; None: each row is on its own.
    """

    action: str
    reward: str
    propensity: str | Mapping[str, float]
    context: tuple[str, ...] = ()
    customer: str | None = None


def read_actions(path: Path, columns: Columns, costs: Mapping[str, float]) -> ActionLog:
    """Read a log whole. A row that cannot be used ends it: to leave out rows would tilt every figure.

    Raises:
        InputError: no such file or column, a row that is not of the format, an action that is missing, a
            reward that is no number, rewards that are all alike, a propensity outside (0, 1], one action
            only, or a cost of an unknown action; names the row (of text its line) or the column.
    """
    _check_context(columns)
    column = _column(path, columns.propensity)
    rows = _Rows(str(path), _read(path, columns, column))
    taken = rows.text("action", columns.action, "an action")
    actions = sorted(taken.unique())
    if len(actions) < 2:
        raise InputError(f"{path}: expected at least two actions in `{columns.action}`, found {actions[0]!r}")
    if column is None:
        propensity = _told(columns.propensity, taken, actions)
    else:
        propensity = rows.numbers("propensity", column, PROBABILITY, _possible)
    reward = rows.numbers("reward", columns.reward, REWARD, np.isfinite)
    if not np.ptp(reward):
        raise InputError(
            f"{path}: expected rewards that differ in `{columns.reward}`, found {reward[0]:g} in each row; "
            "is it the right column?"
        )
    return ActionLog(
        actions=tuple(actions),
        cost=_costs(costs, actions),
        taken=np.searchsorted(np.array(actions, dtype=object), taken.to_numpy()).astype(np.intp),
        reward=reward,
        propensity=propensity,
        group=rows.groups(columns.customer),
        context=pl.DataFrame([rows.context(at, name) for at, name in enumerate(columns.context)]),
    )


def _check_context(columns: Columns) -> None:
    """Refuse what came after the choice; the chance of what was chosen gives the choice away."""
    after = [name for name in columns.context if name in (columns.action, columns.reward, columns.propensity)]
    if after:
        raise InputError(
            f"--context: expected what was known before the choice, found `{after[0]}`; leave it out"
        )


def _column(path: Path, propensity: str | Mapping[str, float]) -> str | None:
    """The column that has the propensities; None where numbers were given, unless a column is called so."""
    if not isinstance(propensity, str):
        return None
    try:
        float(propensity)
    except ValueError:
        return propensity
    named = path.is_file() and path.stat().st_size and propensity in tables.column_names(path)
    return propensity if named else None


def _told(propensity: str | Mapping[str, float], taken: pl.Series, actions: list[str]) -> Array:
    """The propensity of each row, from one number for all or one by action.

    Raises:
        InputError: a number is outside (0, 1], or actions and numbers do not match.
    """
    by_action = dict.fromkeys(actions, float(propensity)) if isinstance(propensity, str) else propensity
    wrong = [value for value in by_action.values() if not 0.0 < value <= 1.0]
    if wrong:
        raise InputError(f"--propensity: expected a column, or {PROBABILITY}; found {wrong[0]:g}")
    if set(by_action) != set(actions):
        raise InputError(
            f"--propensity: expected a number for each of the actions {_listed(actions)}; "
            f"found {_listed(list(by_action))}"
        )
    if not isinstance(propensity, str) and sum(by_action.values()) > 1.0 + ROUNDING:
        raise InputError(
            f"--propensity: expected numbers that add up to 1, found {sum(by_action.values()):g}"
        )
    return taken.replace_strict(by_action, return_dtype=pl.Float64).to_numpy()


def _possible(values: Array) -> Any:
    return (values > 0.0) & (values <= 1.0)


def _read(path: Path, columns: Columns, propensity: str | None) -> pl.DataFrame:
    roles = {"action": columns.action, "reward": columns.reward}
    if propensity is not None:
        roles["propensity"] = propensity
    if columns.customer is not None:
        roles["customer"] = columns.customer
    roles |= {f"context {at}": name for at, name in enumerate(columns.context)}
    faults: list[Rejection] = []
    frame = tables.read_table(path, mapping.Mapping(roles), faults)
    if faults:
        raise InputError(f"{path}, row {faults[0].line}: {faults[0].reason}; mend the row or the file")
    return frame


@dataclass(frozen=True)
class _Rows:
    """The columns of a file by role. Each method checks one, and names the first row that is bad."""

    place: str
    frame: pl.DataFrame

    def text(self, role: str, name: str, what: str) -> pl.Series:
        """Values as text; whole numbers without a point, as JSON and CSV have them."""
        column = self.frame[role]
        self._refuse(role, column.is_null(), f"`{name}`: expected {what}")
        if column.dtype.is_float() and bool((column % 1 == 0).all()):
            column = column.cast(pl.Int64)
        return column.cast(pl.String)

    def numbers(self, role: str, name: str, what: str, holds: Callable[[Array], Any]) -> Array:
        column = self.frame[role]
        if column.dtype == pl.String:
            column = column.str.strip_chars().str.to_lowercase().replace(_TRUTH)
        values = column.cast(pl.Float64, strict=False).fill_null(math.nan).to_numpy()
        self._refuse(role, pl.Series(~holds(values)), f"`{name}`: expected {what}")
        return values

    def groups(self, customer: str | None) -> Places:
        """The same number for rows that stay together."""
        if customer is None:
            return np.arange(len(self.frame))
        ranks = self.text("customer", customer, "a customer").rank("dense")
        return ranks.to_numpy().astype(np.intp)

    def context(self, at: int, name: str) -> pl.Series:
        """A column of numbers if all that is there are numbers, else of text.

        Raises:
            InputError: its values are lists or objects.
        """
        column = self.frame[f"context {at}"]
        if column.dtype.is_nested():
            raise InputError(
                f"--context: expected numbers or text in `{name}`, found {column.dtype}; leave it out"
            )
        if column.dtype.is_temporal():
            column = column.cast(pl.Int64)
        elif not column.dtype.is_numeric() and column.dtype != pl.Boolean:
            column = column.cast(pl.String)
        if column.dtype == pl.String:
            words = column.str.strip_chars().str.to_lowercase()
            column = column.set(words.is_in(_MISSING), None)
        values = column.cast(pl.Float64, strict=False)
        return (values if values.null_count() == column.null_count() else column).alias(name)

    def _refuse(self, role: str, bad: pl.Series, expected: str) -> None:
        count = int(bad.sum())
        if count:
            first = int(bad.arg_max() or 0)
            value = self.frame[role][first]
            found = "nothing" if value is None else repr(value)
            line = self.frame["line"][first]
            alike = f" ({count:,} such rows)" if count > 1 else ""
            raise InputError(f"{self.place}, row {line}: {expected}, found {found}{alike}")


def _costs(costs: Mapping[str, float], actions: list[str]) -> Array:
    unknown = [name for name in costs if name not in actions]
    if unknown:
        raise InputError(f"--cost: no action {', '.join(unknown)}; the actions are: {_listed(actions)}")
    return np.array([costs.get(name, 0.0) for name in actions])


def _listed(names: list[str]) -> str:
    return ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
