"""Questions asked at the same time are answered together, each with its own answer."""

import asyncio
from collections.abc import Sequence

import pytest

from serving.together import MOST, Together


class Doubler:
    """Doubles numbers, refuses those below 0, breaks at 13; remembers how many came together."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, numbers: Sequence[int]) -> list[int | Exception]:
        self.sizes.append(len(numbers))
        if 13 in numbers:
            raise RuntimeError("thirteen")
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
