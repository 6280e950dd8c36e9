"""A question, and the decision in the making that answers it."""

from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import msgspec

from ebbtide.domain.action import NOTHING
from ebbtide.domain.decision import Reason, Recommendation
from models.actions.choice import Choice, Situation
from models.expressions import Facts
from serving.known import Known


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
    decision_id: str = msgspec.field(default_factory=lambda: token_hex(16))


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
