"""Questions to Redis that leave their thread to others until the answers are there.

Whoever asks is a generator: it gives a socket to wait for, and goes on once there is something to read
from it. `finished` runs one that has nobody beside it.
"""

import contextlib
from collections.abc import Callable, Generator, Iterable, Sequence
from itertools import chain
from socket import socket
from typing import Any, TypeVar

import redis
from redis import Redis
from redis.cluster import RedisCluster

from ebbtide import bulk

Answer = TypeVar("Answer")
Steps = Generator[socket, None, Answer]
"""Work that returns an answer, and waits for the sockets that it gives. To go on too early only takes longer:
then it waits itself, for as long as the client's timeout says."""

Packets = Callable[[], Iterable[Sequence[bulk.Command]]]
"""Gives commands, some at a time."""


def finished(steps: Steps[Answer]) -> Answer:
    """The answer of some work, waited for."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return] # what `Steps` returns


class Lines:
    """Connections of a client kept for such questions, each of which has one to itself. For one thread.

    They are kept since to take one from the client and give it back costs as much as Redis takes to answer.
    """

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._free: list[Any] = []

    def ask(self, packets: Packets) -> Steps[list[Any]]:
        """The answers to some packets of commands, in their order; each command names one key.

        Redis works on one packet while the next is made. The answers are taken at the end, so they have to
        be small. All packets are made and sent again as the client's own retries say: a command must do the
        same when it is done twice.

        Raises:
            redis.RedisError: Redis does not answer, or refuses a command; others may have been done.
        """
        if isinstance(self._client, RedisCluster):
            return bulk.by_node(self._client, chain.from_iterable(packets()))
        connection = self._free.pop() if self._free else self._client.connection_pool.get_connection()
        try:
            return (yield from _exchange(connection, packets))
        except BaseException:
            connection.disconnect()  # answers that nobody read would be taken for those to the next question
            raise
        finally:
            self._free.append(connection)


def _exchange(connection: Any, packets: Packets) -> Steps[list[Any]]:
    asked: int | None = None

    def send() -> int:
        count = 0
        for commands in packets():
            if commands:
                connection.send_packed_command([bulk.as_bytes(commands)])
            count += len(commands)
        return count

    def answers() -> list[Any]:
        return bulk.taken(connection, send() if asked is None else asked)

    def hang_up(_: Exception) -> None:
        nonlocal asked
        connection.disconnect()
        asked = None

    with contextlib.suppress(redis.ConnectionError, redis.TimeoutError):  # Redis has closed it meanwhile
        asked = send()
        if asked:
            yield connection._sock
    found: list[Any] = connection.retry.call_with_retry(answers, hang_up)
    return found
