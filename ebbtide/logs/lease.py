"""The right to write features: one flow or one import at a time, since each keeps states in memory."""

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from ebbtide.errors import StoreError

KEY = "ebbtide:writer"
SECONDS = 30
"""How long the lease of a holder on another machine outlives it."""
_RENEW = SECONDS / 3

_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end"
_KEEP = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2])
"""
_log = logging.getLogger(__name__)


def end_this_process() -> None:
    """As SIGTERM does: the flow stops reading, an import is gone on with when it is run again."""
    os.kill(os.getpid(), signal.SIGTERM)


@contextlib.contextmanager
def held(client: Redis, what: str, lost: Callable[[], None] = end_this_process) -> Iterator[None]:
    """Hold the lease while the context lasts; `what` tells others who holds it ("ebbtide stream").

    A holder on this machine that has died is followed at once, one elsewhere after 30 seconds. `lost` is
    called if another has taken the lease meanwhile, since this process was halted or cut off for so long.

    Raises:
        StoreError: another holds it.
    """
    redis: Any = client  # redis-py types each answer as sync or async
    mine = f"{socket.gethostname()} {os.getpid()} {what}"
    _take(redis, mine)
    end = threading.Event()
    renewing = threading.Thread(target=_renew, args=(redis, mine, end, lost), daemon=True)
    renewing.start()
    try:
        yield
    finally:
        end.set()
        renewing.join()
        with contextlib.suppress(RedisError):
            redis.eval(_RELEASE, 1, KEY, mine)


def _take(redis: Any, mine: str) -> None:
    while not redis.set(KEY, mine, nx=True, ex=SECONDS):
        holder = (redis.get(KEY) or b"").decode()
        if _lives(holder):
            raise StoreError(
                f"features are being written by {_shown(holder)}; stop it first, or wait for its end"
            )
        redis.eval(_RELEASE, 1, KEY, holder)  # of all who find it dead, one will be first


def _renew(redis: Any, mine: str, end: threading.Event, lost: Callable[[], None]) -> None:
    while not end.wait(_RENEW):
        with contextlib.suppress(RedisError):  # it may come back before the lease ends
            if not redis.eval(_KEEP, 1, KEY, mine, SECONDS):
                taken = _shown((redis.get(KEY) or b"").decode())
                _log.error("features are being written by %s, which took over; this process ends", taken)
                lost()
                return


def _lives(holder: str) -> bool:
    """Whether a holder may still be at work; of those on other machines we cannot tell, so: yes."""
    host, _, rest = holder.partition(" ")
    pid = rest.partition(" ")[0]
    if not pid.isdigit():
        return False
    if host != socket.gethostname():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return int(pid) != os.getpid()


def _shown(holder: str) -> str:
    host, pid, what = (*holder.split(" ", 2), "", "")[:3]
    return f"`{what}` (process {pid} on {host})"
