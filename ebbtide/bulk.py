"""One command for each of many things, over one connection.

A packet is sent before the last one is answered, so Redis works on one while the next is made. The commands
come as the bytes of Redis's protocol, and the answers are taken from hiredis as they lie there: redis-py's
pipeline does the same work in four times the time.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import hiredis
from redis import Redis
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.cluster import RedisCluster

Command = tuple[bytes | str, ...]
Thing = TypeVar("Thing")

_pack: Any = hiredis.pack_command  # hiredis types a command as a tuple of one
_NO_ANSWERS = (Exception, hiredis.PushNotification)
"""What may lie among the answers: a refusal, and (RESP 3) what Redis says unasked."""
PACKET = 128
"""Commands sent at once: some 100 kB, half of what a socket holds. Redis serves others between them."""


def ask(
    client: Redis,
    command: Callable[[Thing], Command],
    things: Sequence[Thing],
    packed: Callable[[Sequence[Thing]], bytes] | None = None,
) -> list[Any]:
    """The answers to `command(thing)`, in the order of the things; each command names one key.

    `packed` gives the commands of some of the things as bytes of Redis's protocol, if there is a faster way
    to them than command by command. It is tried again as the client's own retries say, so a command must do
    the same when it is done twice.

    Raises:
        redis.RedisError: Redis does not answer, or refuses a command; others may have been done.
    """
    if not things:
        return []
    if isinstance(client, RedisCluster):
        return by_node(client, map(command, things))
    packing = packed or (lambda some: as_bytes(map(command, some)))
    parts = [things[start : start + PACKET] for start in range(0, len(things), PACKET)]
    return _exchange(client, lambda: ((packing(part), len(part)) for part in parts))


def by_node(client: Any, commands: Iterable[Command]) -> list[Any]:
    """The answers of a cluster, whose connections are many: a pipeline sorts by them."""
    pipeline = client.pipeline()
    for command in commands:
        pipeline.execute_command(*command)
    return list(pipeline.execute())


def as_bytes(commands: Iterable[Command]) -> bytes:
    """Commands as the bytes of Redis's protocol."""
    return b"".join(map(_pack, commands))


def _exchange(client: Redis, packets: Callable[[], Iterable[tuple[bytes, int]]]) -> list[Any]:
    """Send packets, each with the number of its commands; take answers one packet behind."""
    pool = client.connection_pool
    connection: Any = pool.get_connection()
    try:
        return connection.retry.call_with_retry(  # type: ignore[no-any-return]
            lambda: _sent(connection, packets()), lambda _: connection.disconnect()
        )
    except BaseException:
        connection.disconnect()  # answers that nobody read would be taken for those to the next question
        raise
    finally:
        pool.release(connection)


def _sent(connection: Any, packets: Iterable[tuple[bytes, int]]) -> list[Any]:
    answers: list[Any] = []
    asked = 0
    for packet, count in packets:
        connection.send_packed_command([packet])
        _take(connection, answers, asked)
        asked += count
    _take(connection, answers, asked)
    return answers


def taken(connection: Any, count: int) -> list[Any]:
    """So many answers to what was sent over a connection."""
    answers: list[Any] = []
    _take(connection, answers, count)
    return answers


def _take(connection: Any, answers: list[Any], count: int) -> None:
    """Take answers up until there are so many; those that are there already come with them.

    They are read past the connection, whose own reading of one takes as long as Redis takes to give it.
    """
    parser = connection._parser
    while len(answers) < count:
        parser.read_from_socket()
        found = list(iter(parser._reader.gets, NOT_ENOUGH_DATA))
        for odd in [answer for answer in found if isinstance(answer, _NO_ANSWERS)]:
            if isinstance(odd, Exception):
                raise odd
            found.remove(odd)
        answers += found
