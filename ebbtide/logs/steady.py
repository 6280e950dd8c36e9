"""A client of one run of Redis: it refuses to go on with a Redis that was started again."""

import re
import threading
from typing import Any

from redis import Redis

from ebbtide.errors import StoreError

_RUN_ID = re.compile(rb"run_id:(\w+)")


def steady(client: Redis) -> Redis:
    """Make a client like this one for somebody who keeps states in memory, such as the flow.

    Redis with `appendfsync everysec` may come back without the last second before a loss of power. Who went
    on with what was read before would commit what Redis has forgotten; who starts again reads what Redis has.
    Every command comes after the check of its connection, so nothing is written to another run of Redis.

    The client raises StoreError where it meets another run than at first. It is closed by the caller.
    """
    pool: Any = client.connection_pool
    arguments = {**pool.connection_kwargs, "redis_connect_func": _Check()}
    return Redis.from_pool(type(pool)(connection_class=pool.connection_class, **arguments))


class _Check:
    """Looks at each new connection; may be shared by threads."""

    def __init__(self) -> None:
        self._known: bytes | None = None
        self._lock = threading.Lock()

    def __call__(self, connection: Any) -> None:
        connection.on_connect()
        connection.send_command("INFO", "server")
        found = _RUN_ID.search(connection.read_response(disable_decoding=True))
        run = found[1] if found else b""
        with self._lock:
            self._known = self._known or run
        if run != self._known:
            connection.disconnect()
            raise StoreError(
                f"Redis: expected run {self._known.decode()}, found {run.decode()}: it was started "
                "again, and may have lost its last second; start this again: it goes on from what Redis has"
            )
