"""How far the stream has come in each partition of the event log."""

from typing import Any

from redis import Redis

from ebbtide.logs.events import BEGINNING


def _key(partition: int) -> str:
    return f"ebbtide:{{p{partition}}}:committed"


def committed(client: Redis, partition: int) -> str:
    """The offset of the last record whose effects are stored, `BEGINNING` if there is none."""
    found: Any = client.get(_key(partition))
    return found.decode() if found else BEGINNING


def commit(client: Redis, partition: int, offset: str) -> None:
    """Note an offset as committed: its effects and those of all before it are stored."""
    client.set(_key(partition), offset)
