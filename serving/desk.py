"""The desk at which decisions are asked for: answered together, recorded before they are given."""

import math
from collections.abc import Sequence

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

    async def ask_once(self, question: Question, ids: Sequence[str], *, since: float = -math.inf) -> Written:
        """Give the decision made under one of these ids at or after `since` (Unix seconds), else decide.

        Then the decision gets the first of the ids.

        Raises:
            as `ask`.
        """
        for found in self._decisions.get_many(ids):
            if found is not None and found.at >= since:
                return written(found)
        return await self.ask(replace(question, decision_id=ids[0], once=True))

    def _answer(self, questions: Sequence[Question]) -> Steps[Sequence[Written | Exception]]:
        answers = yield from self._decider.decide(questions, now=self._clock())
        for place, (question, answer) in enumerate(zip(questions, answers, strict=True)):
            if isinstance(answer, Exception) or question.test:
                continue
            if question.once:  # whoever was a moment faster has decided
                answers[place] = self._decisions.record_once(answer)
            self._metrics.decision(answer.receipt.decision.stage.value).inc()
        return answers
