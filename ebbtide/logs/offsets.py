"""How far the stream has come in each partition of the event log."""

from typing import Any

from redis import Redis
from redis.client import Pipeline

from ebbtide.logs.events import BEGINNING


def _key(partition: int) -> str:
    return f"ebbtide:{{p{partition}}}:committed"


def committed(client: Redis, partition: int) -> str:
    """The offset of the last record whose effects are stored, `BEGINNING` if there is none."""
    found: Any = client.get(_key(partition))
    return found.decode() if found else BEGINNING


def queue_commit(pipe: Pipeline, partition: int, offset: str) -> None:
    """Queue the commit of an offset; queue it behind the writes that it stands for."""
    pipe.set(_key(partition), offset)
