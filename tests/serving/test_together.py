"""Questions asked at the same time are answered together, each with its own answer."""

import asyncio
import socket
from collections.abc import Sequence

import pytest

from ebbtide.lines import Steps
from serving.together import MOST, Together


class Doubler:
    """Doubles numbers, refuses those below 0, breaks at 13; remembers how many came together."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, numbers: Sequence[int]) -> Steps[list[int | Exception]]:
        self.sizes.append(len(numbers))
        if 13 in numbers:
            raise RuntimeError("thirteen")
        yield from ()
        return [ValueError(f"{number}") if number < 0 else 2 * number for number in numbers]


async def asked(doubler: Doubler, numbers: Sequence[int]) -> list[int | BaseException]:
    together = Together(doubler)
    return await asyncio.gather(*map(together.ask, numbers), return_exceptions=True)


def test_those_of_one_turn_are_answered_together_in_their_order():
    doubler = Doubler()
    assert asyncio.run(asked(doubler, range(10))) == [2 * number for number in range(10)]
    assert doubler.sizes == [10]


def test_one_who_asks_a_turn_later_is_waited_for():
    async def run() -> list[int]:
        doubler = Doubler()
        together = Together(doubler)
        first = asyncio.ensure_future(together.ask(1))
        for _ in range(3):
            await asyncio.sleep(0)
            asyncio.ensure_future(together.ask(2))  # noqa: RUF006 - answered before the loop ends
        await first
        return doubler.sizes

    assert asyncio.run(run()) == [4]


def test_many_are_answered_in_several_parts():
    doubler = Doubler()
    assert len(asyncio.run(asked(doubler, range(100, 100 + MOST + 5)))) == MOST + 5
    assert doubler.sizes == [MOST, 5]


def test_a_fault_of_one_is_told_to_it_alone():
    first, second, third = asyncio.run(asked(Doubler(), [1, -1, 2]))
    assert (first, third) == (2, 4)
    assert isinstance(second, ValueError)


def test_a_fault_of_all_is_told_to_all():
    found = asyncio.run(asked(Doubler(), [1, 13]))
    assert [str(each) for each in found] == ["thirteen", "thirteen"]


def test_one_who_has_gone_harms_no_other():
    async def run() -> int:
        together = Together(Doubler())
        gone = asyncio.ensure_future(together.ask(1))
        stays = asyncio.ensure_future(together.ask(2))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        return await stays

    assert asyncio.run(run()) == 4


class Waiter(Doubler):
    """Doubles numbers once its sockets can be read from."""

    def __init__(self) -> None:
        super().__init__()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []

    def __call__(self, numbers: Sequence[int]) -> Steps[list[int | Exception]]:
        self.sizes.append(len(numbers))
        self._pairs.append(socket.socketpair())
        yield self._pairs[-1][0]
        return [2 * number for number in numbers]

    def send(self) -> None:
        """Let those who wait go on."""
        for _, there in self._pairs:
            there.send(b"x")

    def close(self) -> None:
        for pair in self._pairs:
            for each in pair:
                each.close()


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_who_asks_while_others_are_answered_is_answered_after_them():
    async def run() -> tuple[list[int], list[int]]:
        waiter = Waiter()
        together = Together(waiter)
        first = asyncio.ensure_future(together.ask(1))
        await turns()
        later = [asyncio.ensure_future(together.ask(number)) for number in (2, 3)]
        await turns()
        before = list(waiter.sizes)
        waiter.send()
        assert await first == 2
        await turns()
        waiter.send()
        assert await asyncio.gather(*later) == [4, 6]
        waiter.close()
        return before, waiter.sizes

    assert asyncio.run(run()) == ([1], [1, 2])


def test_many_need_not_wait_for_those_who_are_answered():
    async def run() -> list[int]:
        waiter = Waiter()
        together = Together(waiter)
        asked = [asyncio.ensure_future(together.ask(number)) for number in range(MOST + 1)]
        await turns()
        asked += [asyncio.ensure_future(together.ask(number)) for number in range(MOST)]
        await turns()
        before = list(waiter.sizes)
        waiter.send()
        await turns()
        waiter.send()
        await asyncio.gather(*asked)
        waiter.close()
        return before

    assert asyncio.run(run()) == [MOST, MOST]


def test_what_redis_never_answers_goes_on_all_the_same(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("serving.together.PATIENCE", 0.01)

    async def run() -> int:
        waiter = Waiter()
        try:
            return await Together(waiter).ask(4)
        finally:
            waiter.close()

    assert asyncio.run(run()) == 8
