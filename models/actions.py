"""The catalogue of actions, and their rank for one customer."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ebbtide.domain.action import NOTHING, Action, RankedAction
from ebbtide.domain.customer import Stage
from ebbtide.errors import ConfigError

SHIPPED = Path(__file__).with_name("actions.yaml")
"""The catalogue that comes with Ebbtide."""
UNKNOWN_CHURN = 0.5
"""The churn probability assumed where there is none."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)
    channel: Literal["email", "push", "sms", "in_app", "web", "call"]
    stages: list[Annotated[Stage, Field(strict=False)]] = Field(min_length=1)
    message: str = Field(min_length=1)
    response: float = Field(ge=0, le=1)
    value: float
    cost: float = Field(0.0, ge=0)
    retains: bool = False

    @field_validator("id")
    @classmethod
    def _not_reserved(cls, value: str) -> str:
        if value == NOTHING.id:
            raise ValueError("should be another id, since doing nothing is always a candidate")
        return value

    def action(self) -> Action:
        return Action(**{**self.model_dump(), "stages": frozenset(self.stages)})


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    actions: list[_Entry] = Field(min_length=1)


@dataclass(frozen=True)
class ActionCatalogue:
    """All actions, "do nothing" included; `version` changes with the file's content."""

    actions: tuple[Action, ...]
    version: str


def load(path: Path = SHIPPED) -> ActionCatalogue:
    """Read and check a catalogue.

    Raises:
        ConfigError: all faults of the file together, each with its entry, field, expectation and finding.
    """
    try:
        content = path.read_bytes()
        parsed = yaml.safe_load(content)
    except OSError as error:
        raise ConfigError(
            f"{path}: expected a catalogue of actions, found none ({error.strerror})"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected YAML, found a fault: {' '.join(str(error).split())}") from error
    try:
        entries = _File.model_validate(parsed).actions
    except ValidationError as error:
        faults = [_fault(parsed, fault["loc"], fault["msg"], fault["input"]) for fault in error.errors()]
        raise _config_error(path, faults) from error
    ids = [entry.id for entry in entries]
    if repeated := sorted({id_ for id_ in ids if ids.count(id_) > 1}):
        raise _config_error(path, [f"`id`: expected once, found again: {', '.join(repeated)}"])
    actions = (NOTHING, *(entry.action() for entry in entries))
    return ActionCatalogue(actions, hashlib.sha256(content).hexdigest()[:12])


def _config_error(path: Path, faults: list[str]) -> ConfigError:
    return ConfigError(f"{path}: {'; '.join(faults)}")


def _fault(parsed: Any, location: tuple[int | str, ...], message: str, found: object) -> str:
    if len(location) < 2:
        return f"expected a list of entries under `actions`: {message}"
    entry = parsed["actions"][location[1]]
    name = f" ({entry['id']})" if isinstance(entry, dict) and "id" in entry else ""
    field = f", `{'.'.join(map(str, location[2:]))}`" if location[2:] else ""
    found_text = "" if message == "Field required" else f", found {found!r}"
    return f"entry {int(location[1]) + 1}{name}{field}: {message}{found_text}"


def expected_value(action: Action, churn_probability: float | None) -> float:
    """Return response x value x (churn probability if it retains, else 1 - churn probability) - cost.

    >>> call = Action(id="a", channel="call", message="", response=0.1, value=50.0, cost=1.0, retains=True)
    >>> round(expected_value(call, 0.8), 6)
    3.0
    """
    churn = UNKNOWN_CHURN if churn_probability is None else churn_probability
    return action.response * action.value * (churn if action.retains else 1.0 - churn) - action.cost


def rank(
    catalogue: ActionCatalogue, stage: Stage, churn_probability: float | None, limit: int
) -> tuple[RankedAction, ...]:
    """Rank the actions that a stage allows by expected value, the best `limit` of them; ties by id.

    The policy is deterministic, and says so: the first has propensity 1, all others 0.
    """
    eligible = [
        (expected_value(one, churn_probability), one) for one in catalogue.actions if stage in one.stages
    ]
    eligible.sort(key=lambda pair: (-pair[0], pair[1] is not NOTHING, pair[1].id))
    return tuple(
        RankedAction(one.id, one.channel, one.message, round(value, 4), propensity=0.0 if place else 1.0)
        for place, (value, one) in enumerate(eligible[:limit])
    )
