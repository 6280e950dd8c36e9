"""The rejected log: what could not be used, with its reason, so that nothing is lost silently."""

import re
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from ebbtide.domain.ingest import iso

MAX_REASONS = 1000
"""Different reasons counted one by one; a sender must not be able to fill memory with new ones."""
OTHER = "other reasons"


class Rejection(msgspec.Struct, frozen=True):
    """One thing refused: its 1-based line in the source, if it has one, why, and itself as it was found."""

    line: int | None
    reason: str
    raw: Any


class _Line(msgspec.Struct, frozen=True):
    at: str
    source: str
    line: int | None
    reason: str
    raw: Any


class RejectedLog:
    """Keeps rejections as JSON lines `{at, source, line, reason, raw}`, in one file per source.

    `count` is how many were refused since this object was made, `reasons` how many for which reason.
    May be shared by threads.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = RejectedLog(Path(folder))
    ...     log.reject("shop.csv", 7, "no customer", {"time": "2026-01-01"}, at=0.0)
    ...     log.count, log.path("shop.csv").name
    (1, 'shop.csv.jsonl')
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self.reasons: Counter[str] = Counter()
        self._lock = threading.Lock()

    def path(self, source: str) -> Path:
        """Name the file that keeps the rejections of a source."""
        safe = re.sub(r"[^A-Za-z0-9._-]+", "_", source).lstrip(".")[:100]
        return self.folder / f"{safe or 'unknown'}.jsonl"

    def reject(self, source: str, line: int | None, reason: str, raw: Any, *, at: float) -> None:
        """Keep one rejection; `at` is the present in Unix seconds, UTC."""
        self.reject_many(source, [Rejection(line, reason, raw)], at=at)

    def reject_many(self, source: str, rejections: Iterable[Rejection], *, at: float) -> None:
        """Keep many rejections of one source in one write."""
        moment, kept = iso(at), list(rejections)
        encoder = msgspec.json.Encoder(enc_hook=repr)
        block = b"".join(
            _encode(encoder, _Line(moment, source, each.line, each.reason, _readable(each.raw))) + b"\n"
            for each in kept
        )
        if not block:
            return
        with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self.path(source).open("ab") as file:
                file.write(block)
            self.count += len(kept)
            for each in kept:
                known = each.reason in self.reasons or len(self.reasons) < MAX_REASONS
                self.reasons[each.reason if known else OTHER] += 1


def _encode(encoder: msgspec.json.Encoder, line: _Line) -> bytes:
    try:
        return encoder.encode(line)
    except (TypeError, UnicodeEncodeError, RecursionError):
        # Bad input is what this log is for: what JSON cannot hold is kept as Python shows it.
        shown = msgspec.structs.replace(line, raw=ascii(line.raw), reason=ascii(line.reason))
        return encoder.encode(shown)


def _readable(raw: Any) -> Any:
    return raw.decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else raw
