"""The policy: which actions there are, for whom, and the rules for contacts, as one file says."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ebbtide.domain.action import NOTHING, Action
from ebbtide.domain.contact import ContactPolicy
from ebbtide.domain.faults import told
from ebbtide.errors import ConfigError, FaultsError
from models import rules_yaml
from models.actions.action_file import File
from models.actions.exploration import ALWAYS_BEST
from models.expressions import Expression, close_to, share
from models.recommendations.offering import Terms

SHIPPED = Path(__file__).with_name("actions.yaml")
"""The policy that comes with Ebbtide."""


@dataclass(frozen=True)
class DecisionPoint:
    """Where a decision is asked for: its channels (None: all), how many actions it takes, terms of items."""

    channels: frozenset[str] | None = None
    limit: int | None = None
    terms: Terms = field(default_factory=Terms)


@dataclass(frozen=True)
class ActionCatalogue:
    """All actions, "do nothing" included, and the rules for choosing; `version` follows the file's content.

    `holdout` is the share of customers who get no action, `exploration` how much the best one is preferred
    (see `models.actions.exploration`), `conditions` the `when` of each action that has one, `text` the file
    itself. The decision point `default` is always there. In `settled`, `models.actions.eligibility` keeps
    what a decision point and a stage alone rule out.
    """

    actions: tuple[Action, ...]
    version: str
    holdout: float = 0.0
    exploration: float = ALWAYS_BEST
    contact: ContactPolicy = field(default_factory=ContactPolicy)
    conditions: Mapping[str, Expression] = field(default_factory=dict)
    decision_points: Mapping[str, DecisionPoint] = field(default_factory=lambda: {"default": DecisionPoint()})
    text: str = ""
    settled: dict[tuple[str, str], list[tuple[Action, str | None]]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )


def load(path: Path = SHIPPED) -> ActionCatalogue:
    """Read and check a policy.

    Raises:
        ConfigError: all faults of the file together, each with its entry, field, expectation and finding.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{path}: expected a catalogue of actions, found none ({error.strerror})"
        ) from error
    return parse(content, str(path))


def parse(content: bytes, place: str) -> ActionCatalogue:
    """Check a policy that was read already; `place` is where it came from, for messages.

    Raises:
        ConfigError: as `load`.
    """
    try:
        parsed, faults = rules_yaml.read(content)
    except ValueError as error:
        raise ConfigError(f"{place}: {error}") from error
    try:
        file = File.model_validate(parsed)
    except ValidationError as error:
        faults += [_fault(parsed, fault["loc"], told(fault)) for fault in error.errors()]
    if faults := [*faults, *_between(parsed)]:
        raise FaultsError(place, faults)
    conditions = {entry.id: entry.when for entry in file.actions if entry.when is not None}
    share(conditions.values())
    terms = file.items.terms(Terms())
    points = {
        name: DecisionPoint(
            None if point.channels is None else frozenset(point.channels),
            point.limit,
            point.items.terms(terms),
        )
        for name, point in file.decision_points.items()
    }
    return ActionCatalogue(
        actions=(NOTHING, *(entry.action() for entry in file.actions)),
        version=hashlib.sha256(content).hexdigest()[:12],
        holdout=file.holdout,
        exploration=file.exploration,
        contact=file.contact.policy(),
        conditions=conditions,
        decision_points={"default": DecisionPoint(terms=terms), **points},
        text=content.decode(),
    )


def _fault(parsed: Any, location: tuple[int | str, ...], fault: str) -> str:
    """A fault of one field, with its place."""
    if location[:1] != ("actions",) or len(location) < 2:
        if location in ((), ("actions",)):
            return f"expected a list of entries under `actions`: {fault}"
        return f"`{_path(location)}`: {fault}"
    where = f"{_entry(parsed['actions'], int(location[1]))}"
    return f"{where}, `{_path(location[2:])}`: {fault}" if location[2:] else f"{where}: {fault}"


def _path(location: Sequence[int | str]) -> str:
    return ".".join(str(part + 1) if isinstance(part, int) else part for part in location)


def _entry(entries: Sequence[Any], index: int) -> str:
    entry = entries[index]
    name = f" ({entry['id']})" if isinstance(entry, dict) and "id" in entry else ""
    return f"entry {index + 1}{name}"


def _between(parsed: Any) -> Iterator[str]:
    """Faults between entries, as far as the file has the form to see any."""
    listed = parsed.get("actions") if isinstance(parsed, dict) else None
    entries = (
        [entry if isinstance(entry, dict) else {} for entry in listed or ()]
        if isinstance(listed, list)
        else []
    )
    ids = [str(entry["id"]) for entry in entries if "id" in entry]
    if repeated := sorted({id_ for id_ in ids if ids.count(id_) > 1}):
        yield f"`id`: expected once, found again: {', '.join(repeated)}"
    after: dict[str, list[str]] = {}
    for index, entry in enumerate(entries):
        named = entry.get("after")
        named = [str(each) for each in named] if isinstance(named, list) else []
        after[str(entry.get("id"))] = [each for each in named if each in ids]
        for unknown in (each for each in named if each not in ids):
            where = _entry(entries, index)
            yield f"{where}, `after`: expected the id of an action, found {unknown!r}{close_to(unknown, ids)}"
    yield from _cycles(after)
    yield from _unknown_in_caps(parsed, ids)


def _cycles(after: dict[str, list[str]]) -> Iterator[str]:
    """Each circle of actions of which every one waits for another."""
    while found := _cycle(after):
        yield f"`after`: expected no cycle, found {' after '.join(found)}"
        after = {name: named for name, named in after.items() if name not in found}


def _cycle(after: dict[str, list[str]]) -> list[str]:
    """The first circle that is found; empty if there is none."""
    try:
        TopologicalSorter(after).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def _unknown_in_caps(parsed: Any, ids: Sequence[str]) -> Iterator[str]:
    contact = parsed.get("contact") if isinstance(parsed, dict) else None
    caps = contact.get("caps") if isinstance(contact, dict) else None
    for index, cap in enumerate(caps if isinstance(caps, list) else ()):
        named = cap.get("action") if isinstance(cap, dict) else None
        if isinstance(named, str) and named not in ids:
            yield (
                f"`contact.caps.{index + 1}.action`: expected the id of an action, found {named!r}"
                f"{close_to(named, ids)}"
            )
