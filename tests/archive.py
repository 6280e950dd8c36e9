"""Archives and histories made from events, as an import and a training make them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ebbtide.domain.event import Event
from ebbtide.domain.ingest import iso
from ebbtide.logs.archive import ArchiveWriter
from features.history import History, opened


def call(event: Event) -> bytes:
    """The event as it stands in an archive."""
    found = {"messageId": event.id, "userId": event.customer, "timestamp": iso(event.at)}
    if event.also is not None:
        return msgspec.json.encode({"type": "identify", "anonymousId": event.also, **found})
    return msgspec.json.encode(
        {"type": "track", "event": event.name, "properties": event.properties, **found}
    )


def write(home: Path, events: Iterable[Event], name: str = "import-0001") -> None:
    """Write an archive into the working folder `home`."""
    with ArchiveWriter(home / "events", name) as part:
        part.write(map(call, events))


@contextmanager
def history_of(home: Path, events: Iterable[Event]) -> Iterator[History]:
    """The history of events."""
    write(home, events)
    with opened(home / "events", home / "history") as history:
        yield history
