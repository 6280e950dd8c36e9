"""Questions that come in the same turn of the event loop are answered together.

Under load, many requests are read from their sockets in few turns. Answered together they share the round
trips to Redis and much else. So questions wait while others come; one that comes alone waits `QUIET` turns of
the loop, some microseconds each. While some wait for Redis, others are read or answered.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from ebbtide.lines import Steps

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
MOST = 16
"""Questions answered at once: of more, some had better be answered while Redis works for the others."""
QUIET = 2
"""Turns of the loop in which nobody else asked, before those who wait are answered: a request that is read
in one turn asks in the next."""
ABREAST = 2
"""So many may be answered beside each other: while Redis works for some, others are decided on."""
PATIENCE = 2.0
"""Seconds after which those who wait for Redis go on, to find that it does not answer."""


class Together(Generic[Asked, Answer]):
    """Collects questions within one event loop.

    Args:
        answer: answers many questions, in their order, in steps; an exception in the place of an answer is
            raised to the one who asked, one that is raised to all.
    """

    def __init__(self, answer: Callable[[Sequence[Asked]], Steps[Sequence[Answer | Exception]]]) -> None:
        self._answer = answer
        self._waiting: list[tuple[Asked, Callable[[Answer | Exception], None]]] = []
        self._watched = False
        self._answering = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    async def ask(self, question: Asked) -> Answer:
        """Answer one question, along with those that are asked by others meanwhile."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def give(answer: Answer | Exception) -> None:
            if future.done():  # the one who asked has gone
                return
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

        self.put(question, give)
        return await future

    def put(self, question: Asked, give: Callable[[Answer | Exception], None]) -> None:
        """Take a question, whose answer is given later; `give` raises nothing. For the loop's thread."""
        self._waiting.append((question, give))
        if self._loop is None:  # to ask which one runs takes microseconds, each time
            self._loop = asyncio.get_running_loop()
        self._look_out(self._loop)

    def _look_out(self, loop: asyncio.AbstractEventLoop) -> None:
        """See to it that those who wait are answered."""
        if self._waiting and not self._watched:
            self._watched = True
            loop.call_soon(self._watch, loop, 0, QUIET)

    def _watch(self, loop: asyncio.AbstractEventLoop, before: int, turns: int) -> None:
        """Answer those who wait once nobody else has asked for some turns, or they are many."""
        count = len(self._waiting)
        if turns and count < MOST:
            loop.call_soon(self._watch, loop, count, turns - 1 if count == before else QUIET)
            return
        self._watched = False
        if self._answering < (ABREAST if count >= MOST else 1):
            self._begin(loop)  # else they are once others have been answered

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        asked, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        self._answering += 1
        self._go_on(loop, self._answer([question for question, _ in asked]), [give for _, give in asked])
        self._look_out(loop)

    def _go_on(
        self,
        loop: asyncio.AbstractEventLoop,
        steps: Steps[Sequence[Answer | Exception]],
        givers: Sequence[Callable[[Answer | Exception], None]],
    ) -> None:
        """Take the next step, now and as often as there is something to read from what it waits for."""
        try:
            waited_for = next(steps)
        except StopIteration as end:
            self._end(loop, givers, end.value)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who asked must hear of it
            self._end(loop, givers, [error] * len(givers))
        else:

            def ready() -> None:
                loop.remove_reader(waited_for)
                late.cancel()
                self._go_on(loop, steps, givers)

            loop.add_reader(waited_for, ready)
            late = loop.call_later(PATIENCE, ready)

    def _end(
        self,
        loop: asyncio.AbstractEventLoop,
        givers: Sequence[Callable[[Answer | Exception], None]],
        answers: Sequence[Answer | Exception],
    ) -> None:
        self._answering -= 1
        for give, answer in zip(givers, answers, strict=True):
            give(answer)
        self._look_out(loop)
