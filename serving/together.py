"""Questions that come in the same turn of the event loop are answered together.

Under load, many requests are read from their sockets in few turns. Answered together they share the round
trips to Redis and much else. So questions wait while others come; one that comes alone waits `QUIET` turns of
the loop, some microseconds each.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
MOST = 64
"""Questions answered at once: more would only make the first ones wait."""
QUIET = 2
"""Turns of the loop in which nobody else asked, before those who wait are answered: a request that is read
in one turn asks in the next."""


class Together(Generic[Asked, Answer]):
    """Collects questions within one event loop.

    Args:
        answer: answers many questions, in their order; an exception in the place of an answer is raised to
            the one who asked, one that is raised to all.
    """

    def __init__(self, answer: Callable[[Sequence[Asked]], Sequence[Answer | Exception]]) -> None:
        self._answer = answer
        self._waiting: list[tuple[Asked, asyncio.Future[Answer]]] = []

    async def ask(self, question: Asked) -> Answer:
        """Answer one question, along with those that are asked by others meanwhile."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._wait, loop, 0, QUIET)
        self._waiting.append((question, future))
        return await future

    def _wait(self, loop: asyncio.AbstractEventLoop, before: int, turns: int) -> None:
        """Let those who wait be answered once nobody else has asked for some turns, or they are many."""
        count = len(self._waiting)
        if count >= MOST or turns == 0:
            self._run()
        else:
            loop.call_soon(self._wait, loop, count, turns - 1 if count == before else QUIET)

    def _run(self) -> None:
        waiting, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        if self._waiting:
            loop = asyncio.get_running_loop()
            loop.call_soon(self._wait, loop, 0, QUIET)
        try:
            answers = self._answer([question for question, _ in waiting])
        except Exception as error:  # noqa: BLE001 - whatever it is, those who asked must hear of it
            answers = [error] * len(waiting)
        for (_, future), answer in zip(waiting, answers, strict=True):
            if future.done():  # the one who asked has gone
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
