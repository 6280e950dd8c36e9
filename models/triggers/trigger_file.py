"""Reads `triggers.yaml`: the rules with all their faults told together."""

import hashlib
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ebbtide.domain.faults import told
from ebbtide.errors import ConfigError, FaultsError
from features.catalog import NAMES
from models import rules_yaml
from models.expressions import Allowed, Expression
from models.triggers.trigger_reasons import OF_EVENT, bad_slots
from models.triggers.triggers import ALWAYS, NEVER, SILENCE, Rule, Rules

SHIPPED = Path(__file__).with_name("triggers.yaml")
"""The triggers that come with Ebbtide."""
_ALLOWED: Allowed = {"profile": NAMES, "stage": None, "churn": None, "event": OF_EVENT}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def seconds(text: str) -> float:
    """A duration in seconds.

    Raises:
        ValueError: not a number with one of s, m, h and d.

    >>> seconds("90m"), seconds("7d")
    (5400.0, 604800.0)
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError("expected a duration such as 30m, 1h or 7d")
    return float(found[1]) * _SECONDS[found[2]]


def _checked(text: str) -> str:
    seconds(text)
    return text


_Duration = Annotated[str, AfterValidator(_checked)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)
    when: str = Field(min_length=1)
    reason: str = Field(min_length=1, max_length=500)
    events: list[Annotated[str, Field(min_length=1)]] | None = Field(None, min_length=1)
    after: _Duration | None = None
    cooldown: _Duration = "1d"
    rearm: str | None = Field(None, min_length=1)
    expires: _Duration = "7d"

    def rule(self, faults: list[str]) -> Rule:
        """The rule; what is wrong with it is added to the faults."""
        allowed = {name: of for name, of in _ALLOWED.items() if name != "event" or self.after is None}
        when = self._compiled("when", self.when, allowed, faults)
        rearm: Expression | str | None = self.rearm
        if rearm is not None and rearm not in (ALWAYS, NEVER):
            of_customer = {name: of for name, of in allowed.items() if name != "event"}
            rearm = self._compiled("rearm", self.rearm or "", of_customer, faults)
        if self.after is not None and (self.events is None or SILENCE in self.events):
            faults.append("`after`: expected names of events under `events` to wait from, and not silence")
        faults += [f"`reason`: {fault}" for fault in bad_slots(self.reason)]
        about_event = when is not None and any(root == "event" for root, _ in when.reads)
        if rearm is None and (about_event or self.after is not None):
            rearm = ALWAYS
        return Rule(
            self.id,
            when or Expression("false", {}),
            self.reason,
            None if self.events is None else frozenset(self.events),
            None if self.after is None else seconds(self.after),
            seconds(self.cooldown),
            rearm,
            seconds(self.expires),
        )

    def _compiled(self, field: str, text: str, allowed: Allowed, faults: list[str]) -> Expression | None:
        try:
            return Expression(text, allowed)
        except ConfigError as error:
            faults.append(f"`{field}`: {error}")
            return None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    triggers: list[Any]


def load(path: Path = SHIPPED) -> Rules:
    """Read and check a file of triggers.

    Raises:
        ConfigError: all faults of the file together, each with its entry, field, expectation and finding.
    """
    rules, faults = usable(path)
    if faults:
        raise FaultsError(str(path), faults)
    return rules


def usable(path: Path = SHIPPED) -> tuple[Rules, list[str]]:
    """Read the rules of a file that can be used, and what is wrong with the others.

    Raises:
        ConfigError: there is no file, or it is no list of entries.
    """
    try:
        content = path.read_bytes()
        parsed, faults = rules_yaml.read(content)
        entries = _File.model_validate(parsed).triggers
    except OSError as error:
        raise ConfigError(f"{path}: expected a file of triggers, found none ({error.strerror})") from error
    except ValidationError as error:
        raise ConfigError(f"{path}: expected a list of entries under `triggers`, and nothing else") from error
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error
    rules: dict[str, Rule] = {}
    for place, entry in enumerate(entries, 1):
        rule = _read(place, entry, faults)
        if rule is not None and rule.id in rules:
            faults.append(f"entry {place}, `id`: expected once, found again: {rule.id}")
        elif rule is not None:
            rules[rule.id] = rule
    return Rules(tuple(rules.values()), hashlib.sha256(content).hexdigest()[:12]), faults


def _read(place: int, entry: object, faults: list[str]) -> Rule | None:
    """One entry; None, and its faults among the faults, where it is none."""
    name = f" ({entry['id']})" if isinstance(entry, dict) and "id" in entry else ""
    own: list[str] = []
    rule = None
    try:
        rule = _Entry.model_validate(entry).rule(own)
    except ValidationError as error:
        for fault in error.errors():
            field = f"`{'.'.join(map(str, fault['loc']))}`: " if fault["loc"] else ""
            own.append(f"{field}{told(fault)}")
    faults += [f"entry {place}{name}, {fault}" for fault in own]
    return None if own else rule
