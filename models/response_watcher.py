"""The response model in force: put into Redis in one atomic write, and exchanged while the API runs."""

import math
from typing import Any

import redis

from ebbtide.errors import ModelError, StoreError
from models.artefact import digest
from models.published import fields
from models.responses import ResponseModel, Responses, check_catalog, decode, encode

KEY = "ebbtide:model:responses"
"""Of the response model in force; its fields are those of `models.published`."""


def publish(client: redis.Redis, model: ResponseModel, name: str) -> str:
    """Put a model in force. Its version is `name` and the first characters of its digest; returns that.

    Raises:
        StoreError: Redis cannot be written.
    """
    raw = encode(model)
    found = digest(raw)
    version = f"{name}-{found[:8]}"
    try:
        client.hset(KEY, mapping=fields(version, raw, found))
    except redis.RedisError as error:
        raise StoreError(f"Redis, {KEY}: expected to write the response model, found {error}") from error
    return version


def load(client: redis.Redis) -> Responses | None:
    """Read the model in force; None if none was published.

    Raises:
        ModelError: it is damaged, or for other signals than the catalog's.
        StoreError: Redis does not answer.
    """
    version, raw, expected = _read(client, ["version", "model", "digest"])
    if version is None:
        return None
    name = version.decode(errors="replace")
    if raw is None or expected is None or digest(raw) != expected.decode(errors="replace"):
        raise ModelError(
            f"Redis, {KEY}: expected version {name} as it was published, found a damaged document"
        )
    model = decode(raw)
    check_catalog(model)
    return Responses(model, name)


def _read(client: redis.Redis, names: list[str]) -> Any:
    try:
        return client.hmget(KEY, names)
    except redis.RedisError as error:
        raise StoreError(
            f"Redis, {KEY}: expected the response model, found {error}; is Redis running?"
        ) from error


class ResponseWatcher:
    """Keeps the newest usable response model at hand. One that cannot be used leaves the old one in place.

    Args:
        client: of the Redis where models are published.
        interval: seconds between two looks.
    """

    def __init__(self, client: redis.Redis, interval: float = 1.0) -> None:
        self._client, self._interval = client, interval
        self._looked = -math.inf
        self._seen: bytes | None = None
        self.current: Responses | None = None
        """The model; None if there is none."""
        self.fault: str | None = None
        """Why the newest model is not in use; None if it is."""

    def refresh(self, now: float) -> Responses | None:
        """Look for a new model, if the last look is `interval` ago; give the one to use. `now` in seconds.

        Raises:
            StoreError: Redis does not answer.
        """
        if now - self._looked < self._interval:
            return self.current
        (version,) = _read(self._client, ["version"])
        self._looked = now
        if version != self._seen:
            try:
                self.current, self.fault = load(self._client), None
            except ModelError as error:
                self.fault = str(error)
            self._seen = version
        return self.current
