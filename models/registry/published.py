"""What lies in Redis of a model in force: one hash, written and exchanged as a whole.

Its fields: `version`; `model`, a document as JSON (of the champion that of `models.churn.artefact`);
`digest`, the SHA-256 of that. Whoever serves keeps the newest one that can be used at hand.
"""

import logging
import math
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import redis

from ebbtide.errors import ModelError, StoreError
from models.churn.artefact import digest

KEY = "ebbtide:model:churn"
"""Of the champion."""
RETRAIN = "run `ebbtide train`"
T = TypeVar("T")
_log = logging.getLogger(__name__)


class Published(NamedTuple):
    """A document as it was published, under its version."""

    version: str
    raw: bytes


def fields(version: str, raw: bytes, digest: str) -> dict[str, str | bytes]:
    """The fields of the hash."""
    return {"version": version, "model": raw, "digest": digest}


def publish(client: redis.Redis, key: str, raw: bytes, name: str) -> str:
    """Put a document in force, in one write. Its version is `name` and how its digest begins; returns that.

    Raises:
        StoreError: Redis cannot be written.
    """
    found = digest(raw)
    version = f"{name}-{found[:8]}"
    try:
        client.hset(key, mapping=fields(version, raw, found))
    except redis.RedisError as error:
        raise StoreError(
            f"Redis, {key}: expected to write a model, found {error}; is Redis running?"
        ) from error
    return version


def read(client: redis.Redis, key: str) -> Published | None:
    """Read what was published under a key; None if nothing was.

    Raises:
        ModelError: it was damaged since.
        StoreError: Redis does not answer.
    """
    version, raw, expected = _fields(client, key, ["version", "model", "digest"])
    if version is None:
        return None
    name = version.decode(errors="replace")
    if raw is None or expected is None or digest(raw) != expected.decode(errors="replace"):
        raise ModelError(
            f"Redis, {key}: expected version {name} as it was published, found a damaged or missing "
            f"document; {RETRAIN}"
        )
    return Published(name, raw)


class Watcher(Generic[T]):
    """Keeps the newest usable model at hand. A new one that cannot be used leaves the old one in place.

    Args:
        client: of the Redis where models are published.
        key: where this one is.
        load: reads it; raises `ModelError` where it cannot be used.
        interval: seconds between two looks.
    """

    def __init__(
        self, client: redis.Redis, key: str, load: Callable[[redis.Redis], T | None], interval: float
    ) -> None:
        self._client, self._key, self._load, self._interval = client, key, load, interval
        self._looked = -math.inf
        self._seen: bytes | None = None
        self.current: T | None = None
        """The model; None if there is none."""
        self.fault: str | None = None
        """Why the newest model is not in use; None if it is."""

    def refresh(self, now: float) -> T | None:
        """Look for a new model, if the last look is `interval` ago; give the one to use. `now` in seconds.

        Costs one small read per interval, and a load per new version. A model that cannot be used is told of
        in the log, once.

        Raises:
            StoreError: Redis does not answer.
        """
        if now - self._looked < self._interval:
            return self.current
        (version,) = _fields(self._client, self._key, ["version"])
        self._looked = now
        if version != self._seen:
            self._exchange(version)
        return self.current

    def _exchange(self, version: bytes | None) -> None:
        try:
            self.current, self.fault = self._load(self._client), None
        except ModelError as error:
            self.fault = str(error)
            _log.warning("a new model is not used, the one before goes on: %s", error)
        self._seen = version


def _fields(client: redis.Redis, key: str, names: list[str]) -> Any:
    try:
        return client.hmget(key, names)
    except redis.RedisError as error:
        raise StoreError(f"Redis, {key}: expected a model, found {error}; is Redis running?") from error
