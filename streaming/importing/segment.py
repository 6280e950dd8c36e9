"""Files of Segment events, one JSON object a line, read as they are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from ebbtide.domain.event import EventError
from ebbtide.domain.ingest import FUTURE_TOLERANCE, accept, iso, parse_time
from ebbtide.logs.archive import read_lines
from ebbtide.logs.rejected import Rejection
from streaming.importing.wire import message_id

MAX_EVENT_BYTES = 1024 * 1024
"""A file may hold larger events than the API takes: a wholesale order has hundreds of lines."""

Read = tuple[float, str, bytes]
"""An event's moment in Unix seconds, its name, and its JSON."""


def read_events(path: Path, *, latest: float) -> Iterator[Read | Rejection]:
    """Yield each line's event, or why it cannot be used.

    An event keeps its own times: the clock rule counts only where a line has the moment of its receipt. A
    line without `messageId` gets one made from its content.

    `latest`: Unix seconds; an event later than an hour after it lies in the future.
    """
    for number, raw in enumerate(read_lines(path), start=1):
        if not raw.strip():
            continue
        try:
            yield _read(raw, latest)
        except (EventError, ArithmeticError, ValueError) as error:
            yield Rejection(number, _short(error), raw)


def _read(raw: bytes, latest: float) -> Read:
    try:
        call = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise EventError("not JSON") from None
    logged, event = accept(
        call, received_at=_receipt(call), message_id=message_id(raw.hex()), max_bytes=MAX_EVENT_BYTES
    )
    if event.at > latest + FUTURE_TOLERANCE:
        raise EventError("time in the future")
    return event.at, event.name, logged


def _receipt(call: Any) -> float:
    """Find when a call was received; where it does not say, such that its own time stands."""
    if not isinstance(call, dict):
        return 0.0
    for field in ("receivedAt", "sentAt", "originalTimestamp", "timestamp"):
        if call.get(field):
            return parse_time(call[field], field)
    raise EventError("no time")


def _short(error: Exception) -> str:
    return str(error).partition(", found ")[0][:200] or type(error).__name__


def moved(raw: bytes, at: float, shift: float) -> bytes:
    """Move an event that happened at `at` by `shift` seconds.

    `originalTimestamp` and `sentAt` go: with them the clock rule would bring the old time back.
    """
    call = msgspec.json.decode(raw)
    kept = {field: value for field, value in call.items() if field not in {"originalTimestamp", "sentAt"}}
    moment = iso(at + shift)
    return msgspec.json.encode({**kept, "timestamp": moment, "receivedAt": moment})
