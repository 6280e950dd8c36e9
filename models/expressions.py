"""Conditions in CEL, the Common Expression Language (https://cel.dev): what `when` of a rule may say.

A condition reads `profile.<signal>`, `stage`, `churn`, `context.<key>`, and `event` or `item` where there is
one. What is not known is left out, and a condition that needs it does not hold; `has(profile.<signal>)`
asks whether it is known.

>>> late = Expression("profile.overdue_ratio > 2 && stage in ['slipping', 'dormant']", OF_CUSTOMER)
>>> late.holds(Facts({"overdue_ratio": 2.5}, stage="slipping"))
True
>>> late.holds(Facts({"overdue_ratio": float("nan")}, stage="slipping"))
False
"""

import difflib
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import copy
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ebbtide.domain.customer import Stage
from ebbtide.domain.item import FIELDS
from ebbtide.errors import ConfigError
from features.catalog import NAMES
from models import plain_conditions

if TYPE_CHECKING:
    import cel
else:

    def _library() -> ModuleType:
        """The compiled part of the package `cel` alone: the rest is a command line, a second of imports."""
        spec = PathFinder.find_spec("cel.cel", find_spec("cel").submodule_search_locations)
        module = sys.modules[spec.name] = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    cel = _library()

Allowed = Mapping[str, Collection[str] | None]
"""The variables that a condition may read, and the members of each; None: any, or it has none."""
OF_CUSTOMER: Allowed = {"profile": NAMES, "stage": None, "churn": None, "context": None}
"""What is known whenever a decision is made."""
OF_ITEM: Allowed = {**OF_CUSTOMER, "item": FIELDS}
"""What is known when an item may be shown to a customer."""
FUNCTIONS = frozenset(
    {
        *("size", "contains", "startsWith", "endsWith", "matches"),
        *("double", "int", "string", "duration", "timestamp"),
        *("getFullYear", "getMonth", "getDate", "getDayOfWeek", "getHours", "getMinutes"),
    }
)
LONGEST, SHOWN = 2_000, 100
"""Letters of a condition: how many it may have, and how many of them a message shows."""

_MAPS = ("profile", "context", "event", "item")
_KINDS = {"item": "a field of an item"}
_SCALARS = ("stage", "churn")
_STRING = r"""[rRbB]{0,2}(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
_TOKEN = re.compile(
    rf"""//[^\n]*
    |(?<![\w.])(?P<root>{"|".join(_MAPS)})\b
       \s*(?:\.\s*(?P<name>[A-Za-z_]\w*)|\[\s*(?P<quote>["'])(?P<key>[^"'\\]*)(?P=quote)\s*\])?
    |\.\s*(?:all|exists|exists_one|filter|map)\s*\(\s*(?P<bound>[A-Za-z_]\w*)\s*,
    |(?<![\w.])stage\s*(?:==|!=|\bin\b)\s*(?P<stages>\[[^\]]*\]|{_STRING})
    |{_STRING}""",
    re.VERBOSE | re.DOTALL,
)
_UNKNOWN = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)
"""What the library raises where a value is missing or not of the type that an operation needs."""

_ANY_ITEM: dict[str, Any] = dict.fromkeys(FIELDS, 1.0) | dict.fromkeys(("id", "name", "category"), "a")
_ANY_ITEM |= {"brand": "a", "url": "a", "image": "a", "attributes": {}}

Reads = frozenset[tuple[str, str]]
"""Variables with the member that is read, '' for one without members."""


class Facts:
    """What conditions are judged on: what is known of one customer at one moment."""

    def __init__(
        self,
        values: Mapping[str, float],
        *,
        stage: str,
        churn: float | None = None,
        context: Mapping[str, Any] | None = None,
        event: Mapping[str, Any] | None = None,
        item: Mapping[str, Any] | None = None,
    ) -> None:
        """Take the facts as they are; nothing is converted before a condition reads it.

        Args:
            values: signals by name, NaN where nothing is known.
            stage: the customer's stage.
            churn: the probability at the main horizon; None or NaN without a model.
            context: what the caller said of the moment, as JSON has it.
            event: the event that happened, as JSON has it.
            item: the item that may be shown, by the fields' names; None where nothing is known.
        """
        self._maps = {"profile": values, "context": context or {}, "event": event or {}, "item": item or {}}
        self._scalars: dict[str, Any] = {"stage": str(stage), "churn": churn}
        self._made: dict[Reads, cel.Context] = {}

    def of(self, item: Mapping[str, Any]) -> "Facts":
        """The same customer and moment, with an item that may be shown."""
        found = copy(self)
        found._maps, found._made = self._maps | {"item": item}, {}
        return found

    def plainly(self, condition: plain_conditions.Plain) -> bool:
        """Whether a plain condition holds."""
        return condition.holds(self._maps["profile"], self._scalars["stage"], self._scalars["churn"])

    def among(self, reads: Reads) -> cel.Context:
        """Only what is read, made once: handing a value over costs more than judging a condition."""
        if reads not in self._made:
            known = self._known(reads)
            try:
                self._made[reads] = cel.Context(known)
            except ValueError:  # one of the caller's values is none of CEL
                self._made[reads] = cel.Context({root: _readable(value) for root, value in known.items()})
        return self._made[reads]

    def _known(self, reads: Reads) -> dict[str, Any]:
        known: dict[str, Any] = {root: {} for root, name in reads if name}
        for root, name in reads:
            value = self._maps[root].get(name) if name else self._scalars[root]
            if value != value or (value is None and root not in ("context", "event")):
                continue
            if not name:
                known[root] = value
            elif name in self._maps[root]:
                known[root][name] = value
        return known


def _readable(value: Any) -> Any:
    """The members that can be handed over."""
    return {name: each for name, each in value.items() if _fits(each)} if isinstance(value, dict) else value


def _fits(value: Any) -> bool:
    try:
        cel.Context({"value": value})
    except ValueError:
        return False
    return True


class Expression:
    """A condition, compiled and checked once, judged many times.

    `reads` is what it needs to know; `plain` says that it is judged without the library.
    """

    def __init__(self, text: str, allowed: Allowed) -> None:
        """Compile a condition.

        Args:
            text: the condition in CEL.
            allowed: the variables that it may read, with their members.

        Raises:
            ConfigError: it does not compile, reads a name that there is not, calls a function that there is
                not, compares with a stage that there is not, mixes types, or does not say true or false; all
                that is found, in words, without the place.
        """
        self.text = text
        if len(text) > LONGEST:
            raise ConfigError(f"expected at most {LONGEST:,} letters, found {len(text):,}")
        try:
            self._program = cel.compile(text)
        except ValueError as error:
            raise ConfigError(f"expected CEL, found {_syntax(error)} in {_short(text)}") from error
        self.reads, bound = _reads(text)
        called = self._program.references()
        self.reads |= {(name, "") for name in called["variables"] if name in _SCALARS}
        variables = set(called["variables"]) - bound
        if faults := [*_unknown(variables, called["functions"], self.reads, allowed), *_no_stages(text)]:
            raise ConfigError("; ".join(faults))
        self.shared = self.reads
        self._plain = plain_conditions.read(text)
        self.plain = self._plain is not None
        self._try_out()

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def holds(self, facts: Facts) -> bool:
        """Whether it is true; not where it needs what is not known, or what is of another type."""
        if self._plain is not None:
            return facts.plainly(self._plain)
        try:
            return self._program.execute(facts.among(self.shared)) is True
        except _UNKNOWN:
            return False

    def _try_out(self) -> None:
        """Judge it on made-up customers: types that do not go together show only then."""
        for stage in Stage:
            for number in (0.0, 1.0, 1_000.0):
                facts = Facts(dict.fromkeys(NAMES, number), stage=stage, churn=0.5, item=_ANY_ITEM)
                try:
                    found = self._program.execute(facts.among(self.reads))
                except (TypeError, RuntimeError) as error:
                    raise ConfigError(
                        f"expected what can be reckoned, found {_first(error)} in {_short(self.text)}"
                        f"{_hint(error)}"
                    ) from error
                except _UNKNOWN:
                    continue  # it may hold for others
                if not isinstance(found, bool):
                    raise ConfigError(
                        f"expected what is true or false, found {found!r} in {_short(self.text)}"
                    )


def share(expressions: Iterable[Expression]) -> None:
    """Let many conditions be judged on one customer at little more than the cost of one."""
    expressions = [each for each in expressions if not each.plain]
    reads = frozenset[tuple[str, str]]().union(*(each.reads for each in expressions))
    for each in expressions:
        each.shared = reads


def close_to(name: str, known: Iterable[str]) -> str:
    """What was meant by an unknown name, for the end of a message.

    >>> close_to("slippin", ["new", "slipping"])
    "; did you mean 'slipping'?"
    """
    found = difflib.get_close_matches(name, map(str, known), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""


def _reads(text: str) -> tuple[Reads, set[str]]:
    """The members that are read, and the names that macros bind."""
    reads, bound = set(), set()
    for token in _TOKEN.finditer(text):
        if token["root"]:
            reads.add((token["root"], token["name"] or token["key"] or ""))
        elif token["bound"]:
            bound.add(token["bound"])
    return frozenset(reads), bound


def _unknown(
    variables: Iterable[str], functions: Iterable[str], reads: Reads, allowed: Allowed
) -> Iterator[str]:
    for name in sorted(variables):
        if name not in allowed:
            yield f"expected {', '.join(allowed)}, found the name {name!r}{close_to(name, allowed)}"
    for name in functions:
        if name.isidentifier() and name not in FUNCTIONS:
            yield f"expected a function of CEL, found {name!r}{close_to(name, FUNCTIONS)}"
    for root, name in sorted(reads):
        members = allowed.get(root)
        if root in _MAPS and root in allowed and not name:
            yield f"expected `{root}.NAME`, found {root!r} alone"
        elif members is not None and name not in members:
            yield f"expected {_KINDS.get(root, 'a signal')}, found {root}.{name}{close_to(name, members)}"


def _no_stages(text: str) -> Iterator[str]:
    for token in _TOKEN.finditer(text):
        for quoted in re.findall(r"""["']([^"']*)["']""", token["stages"] or ""):
            if quoted not in set(Stage):
                yield f"expected a stage ({', '.join(Stage)}), found {quoted!r}{close_to(quoted, Stage)}"


def _syntax(error: ValueError) -> str:
    """The first fault that the parser found, and the column in which it stands."""
    found = re.search(
        r"<input>:(\d+):(\d+): (?:Syntax error: )?([^\n]*?)(?: expecting \{.*)?(?:\n|$)", str(error)
    )
    if found is None:
        return _first(error)
    line, column, message = found.groups()
    return f"{message} (line {line}, column {column})"


def _first(error: Exception) -> str:
    return str(error).partition(". ")[0].partition("\n")[0]


def _short(text: str) -> str:
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "...")


def _hint(error: Exception) -> str:
    mixed = isinstance(error, TypeError)
    return "; signals are doubles: reckon with 1.0 and not with 1" if mixed else ""
