"""A question, and the decision in the making that answers it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ebbtide.domain.action import NOTHING
from ebbtide.domain.decision import Reason, Recommendation
from models.actions.choice import Choice, Situation
from models.expressions import Facts
from serving.known import Known

_ids: list[str] = []
_DRAWN = 256
"""Ids drawn at once: to ask the system takes far longer than what it gives."""
os.register_at_fork(after_in_child=_ids.clear)


def fresh_id() -> str:
    """An id that nobody can guess: 128 random bits of the system's, as 32 hexadecimal digits."""
    try:
        return _ids.pop()  # of two threads each gets its own
    except IndexError:
        drawn = os.urandom(16 * _DRAWN).hex()
        _ids.extend(drawn[start : start + 32] for start in range(32, len(drawn), 32))
        return drawn[:32]


class Question(msgspec.Struct, frozen=True):
    """What is asked. `as_of` (Unix seconds, UTC) asks for another moment than the present.

    A `test` reserves nothing and is not to be recorded; of those asked `once`, who come under the same id at
    the same time, one is to be recorded.
    """

    customer_id: str
    decision_point: str = "default"
    limit: int = 5
    context: Mapping[str, Any] = {}
    as_of: float | None = None
    explain: bool = False
    test: bool = False
    once: bool = False
    decision_id: str = msgspec.field(default_factory=fresh_id)


_UNDECIDED = Choice((), NOTHING.id, holdout=False)


@dataclass
class Draft:
    """A decision in the making. The choice comes last; who comes too late for a cap chooses again.

    `packed` are the signals as `ebbtide.domain.decision.Signals` has them.
    """

    question: Question
    known: Known
    limit: int
    situation: Situation
    facts: Facts
    packed: bytes
    reasons: tuple[Reason, ...] = ()
    products: tuple[Recommendation, ...] = ()
    choice: Choice = _UNDECIDED
