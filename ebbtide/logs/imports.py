"""Which files were imported: each has a number, and is imported once."""

from dataclasses import dataclass
from typing import Any

import msgspec
from redis import Redis

from ebbtide.errors import InputError

KEY = "ebbtide:imports"


@dataclass(frozen=True)
class Import:
    """An import by its number, from 1; `done` once all its events are in the features."""

    number: int
    source: str
    done: bool


class ImportLedger:
    """The imports of one Redis, by the digest of what was imported."""

    def __init__(self, client: Redis) -> None:
        self._client: Any = client  # redis-py types each answer as sync or async

    def begin(self, digest: str, source: str) -> Import:
        """Number an import, or find it again by its digest.

        Raises:
            InputError: another import was interrupted; it has to be finished first.
        """
        known = {key.decode(): _read(raw) for key, raw in self._client.hgetall(KEY).items()}
        if digest in known:
            return known[digest]
        for other in known.values():
            if not other.done:
                raise InputError(f"the import of {other.source} was interrupted; run it again to finish it")
        fresh = Import(1 + len(known), source, done=False)
        self._write(digest, fresh)
        return fresh

    def any(self) -> bool:
        """Whether anything was imported."""
        return bool(self._client.hlen(KEY))

    def finish(self, digest: str, begun: Import) -> None:
        """Note that all events of an import are in the features."""
        self._write(digest, Import(begun.number, begun.source, done=True))

    def forget(self, digest: str) -> None:
        """Take back an import of which nothing came into the features."""
        self._client.hdel(KEY, digest)

    def _write(self, digest: str, entry: Import) -> None:
        self._client.hset(KEY, digest, msgspec.json.encode(entry))


def _read(raw: bytes) -> Import:
    return msgspec.json.decode(raw, type=Import)
