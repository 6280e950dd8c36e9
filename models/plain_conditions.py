"""Plain conditions: comparisons joined by `&&`, which most rules are, judged without the library of CEL.

To hand a customer's values over to it takes ten times as long as to compare them here. What is plain is read
off the text; anything else is left to the library. Both say the same, which a test holds.
"""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}
_QUOTED = r"""(?:"[a-z_]*"|'[a-z_]*')"""
_TERM = re.compile(
    rf"""\s*(?:
    (?:profile\.(?P<signal>[a-z]\w*)|(?P<churn>churn))\s*(?P<is>>=|<=|>|<|==|!=)\s*(?P<number>-?\d{{1,15}}(?:\.\d{{1,15}})?)
    |stage\s*(?:==\s*(?P<one>{_QUOTED})|in\s*\[\s*(?P<some>{_QUOTED}(?:\s*,\s*{_QUOTED})*)\s*\])
    )\s*""",
    re.VERBOSE,
)


class Plain(NamedTuple):
    """A condition that is plain.

    Attributes:
        signals: what is compared, how, and with what.
        churn: the same of the probability of churn.
        stages: those in which it can hold; None: in all.
    """

    signals: tuple[tuple[str, Callable[[Any, Any], bool], float], ...]
    churn: tuple[tuple[Callable[[Any, Any], bool], float], ...]
    stages: frozenset[str] | None

    def holds(self, values: Mapping[str, float], stage: str, churn: float | None) -> bool:
        """Whether it is true; not where a value that it needs is not known, which NaN says of a signal."""
        if self.stages is not None and stage not in self.stages:
            return False
        for name, compare, number in self.signals:
            value = values.get(name)
            if value is None or value != value or not compare(value, number):
                return False
        for compare, number in self.churn:
            if churn is None or churn != churn or not compare(churn, number):
                return False
        return True


def read(text: str) -> Plain | None:
    """Read a condition; None if it is not plain.

    >>> read('profile.orders_total >= 3 && stage in ["new"]').holds({"orders_total": 3.0}, "new", None)
    True
    >>> read("profile.orders_total >= 3 || churn > 0.5")
    """
    terms = [_TERM.fullmatch(part) for part in text.split("&&")]
    signals, churns = [], []
    stages: frozenset[str] | None = None
    for term in terms:
        if term is None:
            return None
        if term["number"]:
            compare, number = _OPERATORS[term["is"]], float(term["number"])
            if term["signal"]:
                signals.append((term["signal"], compare, number))
            else:
                churns.append((compare, number))
        else:
            named = frozenset(re.findall("[a-z_]+", term["one"] or term["some"]))
            stages = named if stages is None else stages & named
    return Plain(tuple(signals), tuple(churns), stages)
