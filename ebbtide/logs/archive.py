"""The event archive: JSON lines in files, compressed with zstd; read back in name order."""

import fcntl
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import pyarrow as pa

from ebbtide.domain.event import Event, EventError, decode
from ebbtide.domain.ingest import iso
from ebbtide.errors import InputError

SUFFIX = ".jsonl.zst"
_CODECS = {".zst": "zstd", ".gz": "gzip"}
_CHUNK = 1 << 20


class ArchiveWriter:
    """Writes one part file of an archive; it appears under its final name only when it is whole.

    The file is `<prefix>.jsonl.zst`, else `<prefix>-2.jsonl.zst` and so on, never one that exists. Left by an
    exception, nothing appears. A writer that got no line makes no file.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with ArchiveWriter(Path(folder), "2026") as part:
    ...         part.write([b'{"n":1}', b'{"n":2}'])
    ...     list(read([Path(folder)]))
    [b'{"n":1}', b'{"n":2}']
    """

    def __init__(self, folder: Path, prefix: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = _free_name(folder, prefix)
        self.lines = 0
        # Not `*.jsonl.zst`: a reader that lists the folder must not see a half-written part. One left by a
        # writer that was killed is written over: there is one writer at a time.
        self._partial = self.path.with_name(self.path.name + ".partial")
        self._stream = pa.CompressedOutputStream(pa.OSFile(str(self._partial), "wb"), "zstd")

    def write(self, lines: Iterable[bytes]) -> None:
        """Append lines, each without its newline."""
        block = list(lines)
        if block:
            self._stream.write(b"\n".join(block) + b"\n")
            self.lines += len(block)

    def close(self) -> None:
        """Finish the file and give it its name. Closing again does nothing."""
        if self._stream.closed:
            return
        self._stream.close()
        if self.lines:
            self._partial.rename(self.path)
        else:
            self._partial.unlink()

    def discard(self) -> None:
        """Drop what was written."""
        self._stream.close()
        self._partial.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


def _free_name(folder: Path, prefix: str) -> Path:
    number, path = 1, folder / f"{prefix}{SUFFIX}"
    while path.exists():
        number += 1
        path = folder / f"{prefix}-{number}{SUFFIX}"
    return path


class LiveArchive:
    """Appends the events that the flow has taken from the event log, a plain file per day (UTC).

    What was appended stays when the process dies, and workers may share a file. An event that is delivered
    again after a crash may stand there twice.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def append(self, lines: Sequence[bytes], now: float) -> None:
        """Append lines, each without its newline, to the file of the day of `now` (Unix seconds)."""
        if lines:
            self._folder.mkdir(parents=True, exist_ok=True)
            with (self._folder / f"live-{iso(now)[:10]}.jsonl").open("a+b", buffering=0) as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # until it is closed
                # A death in the middle of a write leaves a line cut short: it must not spoil the next one.
                whole = file.seek(0, os.SEEK_END) == 0 or os.pread(file.fileno(), 1, file.tell() - 1) == b"\n"
                rest = memoryview(b"\n".join(lines if whole else (b"", *lines)) + b"\n")
                while rest:  # a disk that is nearly full takes a part
                    rest = rest[file.write(rest) or 0 :]


class Part(NamedTuple):
    """A file of an archive as it was found: its bytes, and when it was last changed, in Unix nanoseconds."""

    path: Path
    size: int
    changed: int


def parts(folder: Path) -> list[Part]:
    """The files of an archive in the order in which they are read, imports first; none if it is not there.

    Raises:
        InputError: a file vanished meanwhile.
    """
    try:
        found = [(path, path.stat()) for path in sorted(_files(folder), key=_name)]
    except FileNotFoundError as error:
        raise InputError(f"{folder}: expected its files to stay, found one removed ({error})") from error
    return [Part(path, stat.st_size, stat.st_mtime_ns) for path, stat in found]


def read_parts(found: Iterable[Part]) -> Iterator[bytes]:
    """Yield the lines of an archive as they were when its parts were listed, empty ones left out.

    Raises:
        InputError: a file is missing or damaged.
    """
    for part in found:
        yield from (line for line in read_lines(part.path, part.size) if line)


def read(paths: Iterable[Path]) -> Iterator[bytes]:
    """Yield every line of the given files, in order of file name; a folder stands for the archive in it.

    Empty lines are left out.

    Raises:
        InputError: a file is missing or damaged.
    """
    files = [file for path in paths for file in (_files(path) if path.is_dir() else [path])]
    for file in sorted(files, key=_name):
        yield from (line for line in read_lines(file) if line)


def decoded(lines: Iterable[bytes]) -> Iterator[Event]:
    """The events of lines of an archive, but for lines that a death cut short."""
    for raw in lines:
        try:
            yield decode(raw)
        except EventError:
            continue


def _files(folder: Path) -> list[Path]:
    return [*folder.glob(f"*{SUFFIX}"), *folder.glob("live-*.jsonl")]


def _name(path: Path) -> str:
    return path.name


def read_lines(path: Path, most: int | None = None) -> Iterator[bytes]:
    """Yield the lines of one text file (plain, `.gz` or `.zst`), empty ones too, without their line ends.

    With `most`, a plain file, which may be growing, is read no further than so many bytes.

    Raises:
        InputError: the file is missing or damaged.
    """
    rest: list[bytes] = []  # pieces of a line not ended yet, joined once
    for chunk in _chunks(path, most):
        # Split by hand on \n alone: bytes.splitlines also breaks at a bare \r.
        first, *others = chunk.split(b"\n")
        rest.append(first)
        if others:
            yield b"".join(rest).removesuffix(b"\r")
            *whole, last = others
            for line in whole:
                yield line.removesuffix(b"\r")
            rest = [last]
    if end := b"".join(rest):
        yield end.removesuffix(b"\r")


def _chunks(path: Path, most: int | None) -> Iterator[bytes]:
    try:
        with pa.OSFile(str(path), "rb") as file:
            codec = _CODECS.get(path.suffix)
            stream = pa.CompressedInputStream(file, codec) if codec else file
            left = sys.maxsize if codec or most is None else most
            while chunk := stream.read(min(_CHUNK, left)):
                yield chunk
                left -= len(chunk)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
