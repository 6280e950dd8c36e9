"""The rules an event passes before it is logged: its id, its times, its size. Pure: the moment is given."""

import math
from datetime import UTC, datetime
from typing import Any

import msgspec

from ebbtide.domain.event import CALL_TYPES, Event, EventError, decode, unix_seconds

MAX_EVENT_BYTES = 32 * 1024
"""Segment's limit for one call: https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/"""
MAX_BATCH_BYTES = 500 * 1024
"""Segment's limit for one batch."""
FUTURE_TOLERANCE = 3600.0
"""Seconds that a corrected timestamp may lie ahead of its receipt."""


def corrected_time(timestamp: float, sent_at: float | None, received_at: float) -> float:
    """Segment's clock rule: `timestamp = receivedAt - (sentAt - originalTimestamp)`, in Unix seconds.

    Without `sentAt` the sender's clock is taken as right.

    >>> corrected_time(100.0, 160.0, 1000.0)
    940.0
    """
    return timestamp if sent_at is None else received_at - (sent_at - timestamp)


def iso(moment: float) -> str:
    """Unix seconds as ISO 8601 in UTC, to the microsecond."""
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def parse_time(given: object, field: str) -> float:
    """Read an ISO 8601 time (a missing zone is UTC) or Unix seconds.

    Raises:
        EventError: it is neither, and which field it was.
    """
    if isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given):
        return float(given)
    try:
        return unix_seconds(datetime.fromisoformat(str(given)))
    except ValueError as error:
        raise EventError(f"`{field}`: expected an ISO 8601 time, found {given!r}") from error


def accept(
    call: object,
    *,
    received_at: float,
    message_id: str,
    sent_at: object = None,
    max_bytes: int = MAX_EVENT_BYTES,
) -> tuple[bytes, Event]:
    """Check one call of the tracking API and complete it for the log.

    Sets `messageId` (to `message_id`, if it has none), `receivedAt`, `originalTimestamp` and the corrected
    `timestamp`. Returns the bytes to log and the event that they decode to.

    Raises:
        EventError: what is wrong with it.
    """
    if not isinstance(call, dict):
        raise EventError(f"expected an object, found {type(call).__name__}")
    if call.get("type") not in CALL_TYPES:
        raise EventError(f"`type`: expected one of {', '.join(CALL_TYPES)}, found {call.get('type')!r}")
    sent = call.get("sentAt") or sent_at
    original = call.get("originalTimestamp") or call.get("timestamp") or sent
    at = received_at
    if original:
        at = corrected_time(
            parse_time(original, "timestamp"), parse_time(sent, "sentAt") if sent else None, received_at
        )
    if at > received_at + FUTURE_TOLERANCE:
        raise EventError(
            f"`timestamp`: expected a time up to an hour after its receipt at {iso(received_at)}, "
            f"found {original!r}, which lies in the future"
        )
    if at < 0:
        raise EventError(f"`timestamp`: expected a time since 1970, found {original!r}")
    completed: dict[str, Any] = {
        **call,
        "messageId": str(call.get("messageId") or message_id),
        "receivedAt": iso(received_at),
        "timestamp": iso(at),
    }
    if original:
        completed["originalTimestamp"] = original
    raw = msgspec.json.encode(completed)
    if len(raw) > max_bytes:
        raise EventError(f"expected at most {max_bytes} bytes, found {len(raw)}")
    return raw, decode(raw)
