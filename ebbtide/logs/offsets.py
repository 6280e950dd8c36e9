"""How far the stream has come in each partition of the event log."""

from typing import Any

from redis import Redis

from ebbtide.logs.events import BEGINNING, Offset, offset_text, parse_offset


def _key(partition: int) -> str:
    return f"ebbtide:{{p{partition}}}:committed"


def committed(client: Redis, partition: int) -> Offset:
    """The offset of the last record whose effects are stored, `BEGINNING` if there is none."""
    found: Any = client.get(_key(partition))
    return parse_offset(found) if found else BEGINNING


def commit(client: Redis, partition: int, offset: Offset) -> None:
    """Note an offset as committed: its effects and those of all before it are stored."""
    client.set(_key(partition), offset_text(offset))
