"""The demo's working folder and Redis: its own, emptied before each run, never anybody else's."""

import contextlib
import fcntl
import shutil
from collections.abc import Iterator

from redis import Redis

from ebbtide.errors import ConfigError, InputError
from ebbtide.settings import Settings
from features.store import layout

MARK = "demo"
"""A file in the working folder, and `ebbtide:demo` in Redis: what is beside them is the demo's."""
_KEY = "ebbtide:demo"


@contextlib.contextmanager
def claimed(settings: Settings) -> Iterator[None]:
    """Hold the working folder for one demo; what an earlier demo left is removed, MLflow's runs are kept.

    Raises:
        InputError: the folder has data that no demo made, or a demo runs in it now.
        ConfigError: the event log is on Kafka, where the demo cannot begin with an empty one.
    """
    if settings.kafka is not None:
        raise ConfigError("the demo runs over Redis Streams: unset EBBTIDE_KAFKA, and run it again")
    mark = settings.root / MARK
    if settings.events.exists() and not mark.exists():
        raise InputError(
            f"{settings.root} has data of yours; run the demo elsewhere: EBBTIDE_HOME=.ebbtide-demo make demo"
        )
    with mark.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"a demo runs in {settings.root} already; stop it with Ctrl-C first") from error
        for folder in (settings.history, settings.events, settings.rejected):
            shutil.rmtree(folder, ignore_errors=True)
        yield


def empty(client: Redis) -> None:
    """Remove what an earlier demo left in Redis, and mark it as the demo's.

    Raises:
        InputError: it holds features or events of an Ebbtide that is no demo.
    """
    patterns = (b"ebbtide:*", layout.PATTERN)
    if not client.exists(_KEY) and any(next(client.scan_iter(found, count=1000), None) for found in patterns):
        raise InputError(
            "Redis has data of yours: run the demo without EBBTIDE_REDIS_URL, or with an empty one"
        )
    for pattern in patterns:
        for key in client.scan_iter(pattern, count=1000):
            client.unlink(key)
    client.set(_KEY, 1)
