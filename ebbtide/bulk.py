"""One command for each of many things, over one connection.

A packet is sent before the last one is answered, so Redis works on one while the next is made. redis-py's
pipeline does the same work in twice to three times the time.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import hiredis
from redis import Redis
from redis.cluster import RedisCluster

Command = tuple[bytes | str, ...]
Thing = TypeVar("Thing")

_pack: Any = hiredis.pack_command  # hiredis types a command as a tuple of one
PACKET = 200
"""Commands sent at once. Redis serves others between any two of them."""


def ask(client: Redis, command: Callable[[Thing], Command], things: Sequence[Thing]) -> list[Any]:
    """The answers to `command(thing)`, in the order of the things; each command names one key.

    It is tried again as the client's own retries say, so a command must do the same when it is done twice.

    Raises:
        redis.RedisError: Redis does not answer, or refuses a command; others may have been done.
    """
    if not things:
        return []
    if isinstance(client, RedisCluster):  # whose connections are many: a pipeline sorts by them
        pipeline = client.pipeline()
        for thing in things:
            pipeline.execute_command(*command(thing))
        return list(pipeline.execute())
    pool = client.connection_pool
    connection: Any = pool.get_connection()
    try:
        return connection.retry.call_with_retry(  # type: ignore[no-any-return]
            lambda: _exchange(connection, command, things), lambda _: connection.disconnect()
        )
    except BaseException:
        connection.disconnect()  # answers that nobody read would be taken for those to the next question
        raise
    finally:
        pool.release(connection)


def _exchange(connection: Any, command: Callable[[Thing], Command], things: Sequence[Thing]) -> list[Any]:
    answers: list[Any] = []
    asked = 0
    for start in range(0, len(things), PACKET):
        packet: list[bytes] = [_pack(command(thing)) for thing in things[start : start + PACKET]]
        connection.send_packed_command([b"".join(packet)])
        answers += [connection.read_response() for _ in range(asked)]
        asked = len(packet)
    answers += [connection.read_response() for _ in range(asked)]
    return answers
