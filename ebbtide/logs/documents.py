"""Documents by version: what decisions were made with, kept so that receipts can be replayed."""

from typing import Any

from redis import Redis

KEPT = 100
"""Versions of each kind that are kept; the one kept first is let go first."""

_KEEP = """
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('RPUSH', KEYS[2], ARGV[1])
while redis.call('LLEN', KEYS[2]) > tonumber(ARGV[3]) do
  redis.call('HDEL', KEYS[1], redis.call('LPOP', KEYS[2]))
end
return 1
"""


class Documents:
    """Documents in Redis, over a client that does not decode responses.

    All methods raise `redis.RedisError` if Redis does not answer.
    """

    def __init__(self, client: Redis, *, kept: int = KEPT) -> None:
        self._client: Any = client  # redis-py types each answer as sync or async
        self._kept = kept
        self._keep = self._client.register_script(_KEEP)

    def keep(self, kind: str, version: str, raw: bytes) -> bool:
        """Keep a document, unless there is one of its version. Returns whether it was new."""
        return bool(self._keep(keys=_keys(kind), args=[version, raw, self._kept]))

    def get(self, kind: str, version: str) -> bytes | None:
        """The document of a version; None if it was never kept, or has been let go."""
        found: bytes | None = self._client.hget(_keys(kind)[0], version)
        return found


def _keys(kind: str) -> list[str]:
    return [f"ebbtide:{{{kind}}}:documents", f"ebbtide:{{{kind}}}:versions"]
