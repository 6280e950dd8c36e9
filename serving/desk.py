"""The desk at which decisions are asked for: answered together, recorded before they are given."""

import math
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from ebbtide.clock import Clock
from ebbtide.lines import Steps
from ebbtide.logs.decisions import DecisionLog
from ebbtide.logs.receipts import Written, written
from serving.decide import Decider
from serving.draft import Question
from serving.metrics import Metrics
from serving.together import Together


class Desk:
    """Takes questions within one event loop."""

    def __init__(self, decider: Decider, decisions: DecisionLog, metrics: Metrics, clock: Clock) -> None:
        self._decider, self._decisions, self._metrics, self._clock = decider, decisions, metrics, clock
        self._together: Together[Question, Written] = Together(self._answer)

    async def ask(self, question: Question) -> Written:
        """Decide. Unless it is a test, the decision is in the log when it is given.

        Raises:
            InputError: the question makes no sense.
            StoreError: what is stored of the customer cannot be used.
            redis.RedisError: the store cannot be reached.
        """
        return await self._together.ask(question)

    def put(self, question: Question, give: Callable[[Written | Exception], None]) -> None:
        """As `ask`, with the answer, or what `ask` would raise, given later."""
        self._together.put(question, give)

    async def ask_once(self, question: Question, ids: Sequence[str], *, since: float = -math.inf) -> Written:
        """Give the decision made under one of these ids at or after `since` (Unix seconds), else decide.

        Then the decision gets the first of the ids.

        Raises:
            as `ask`.
        """
        found = self.given(ids, since=since)
        return await self.ask(under(ids[0], question)) if found is None else found

    def given(self, ids: Sequence[str], *, since: float = -math.inf) -> Written | None:
        """The decision made under one of these ids at or after `since` (Unix seconds), if there is one.

        Raises:
            redis.RedisError: the store cannot be reached.
        """
        receipts = (found for found in self._decisions.get_many(ids) if found is not None)
        return next((written(found) for found in receipts if found.at >= since), None)

    def _answer(self, questions: Sequence[Question]) -> Steps[Sequence[Written | Exception]]:
        answers = yield from self._decider.decide(questions, now=self._clock())
        for place, (question, answer) in enumerate(zip(questions, answers, strict=True)):
            if isinstance(answer, Exception) or question.test:
                continue
            if question.once:  # whoever was a moment faster has decided
                answers[place] = self._decisions.record_once(answer)
            self._metrics.decision(answer.receipt.decision.stage.value).inc()
        return answers


def under(decision_id: str, question: Question) -> Question:
    """The question, to be decided once under an id."""
    return replace(question, decision_id=decision_id, once=True)
