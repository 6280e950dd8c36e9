"""The history: states over time, as the parquet files that Feast's offline store reads.

A row is a customer's state as it stood after the last event of a day (or of a batch, if more came later that
day). So a point-in-time read at any midnight, UTC, is exact. Rows are first appended to a journal, which
survives the death of the process, and turned into parquet when enough have come, or on close.
"""

import contextlib
import fcntl
import struct
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from io import FileIO
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("state", pa.binary()),
        ("event_timestamp", pa.timestamp("us", tz="UTC")),
        ("created", pa.timestamp("us", tz="UTC")),
    ]
)
ROLL_ROWS = 50_000
_LENGTH = struct.Struct("<I")
_ENCODER = msgspec.msgpack.Encoder()


class Row(msgspec.Struct, array_like=True, frozen=True):
    """An encoded state, the time of its newest event, and when it was made; times in Unix seconds.

    A late event changes a state without making its newest event newer: of rows alike in that, the one made
    last holds.
    """

    customer: str
    state: bytes
    at: float
    created: float = 0.0


class HistoryWriter:
    """Appends rows to the history, through journals of its own.

    A journal becomes parquet in a thread, which compresses while the next one fills. The journals of writers
    that died become parquet when a new writer opens.
    """

    def __init__(self, folder: Path, roll_rows: int = ROLL_ROWS) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._roll_rows = roll_rows
        self._rows: list[Row] = []
        self._journal = _open_journal(folder)
        self._thread = ThreadPoolExecutor(1)
        self._rolling: Future[None] | None = None
        _recover(folder)

    def append(self, rows: Iterable[Row]) -> None:
        """Keep rows: once this returns, the death of the process does not lose them."""
        fresh = list(rows)
        chunks: list[bytes] = []
        for raw in map(_ENCODER.encode, fresh):
            chunks += (_LENGTH.pack(len(raw)), raw)
        self._journal.write(b"".join(chunks))
        self._rows += fresh
        if len(self._rows) >= self._roll_rows:
            self.roll()

    def roll(self) -> None:
        """Begin to turn the journal into a parquet file, which readers see whole or not at all.

        Raises:
            Exception: why the last one could not be turned; its rows are in its journal.
        """
        if not self._rows:
            return
        self._settle()
        self._rolling = self._thread.submit(_turn, self._folder, self._rows, self._journal)
        self._rows, self._journal = [], _open_journal(self._folder)

    def close(self) -> None:
        """Roll, wait for it, and leave nothing open."""
        try:
            self.roll()
            self._settle()
        finally:
            self._thread.shutdown()
            with self._journal:
                if not self._rows:
                    _unlink(self._journal)

    def _settle(self) -> None:
        if self._rolling is not None:
            self._rolling.result()


def _open_journal(folder: Path) -> FileIO:
    journal = FileIO(folder / f".{uuid.uuid4().hex}.journal", "a")
    # The kernel lets go of the lock when the process ends, however it ends.
    fcntl.flock(journal, fcntl.LOCK_EX)
    return journal


def _unlink(journal: FileIO) -> None:
    Path(str(journal.name)).unlink(missing_ok=True)


def _turn(folder: Path, rows: list[Row], journal: FileIO) -> None:
    """Turn a journal into parquet; where that fails it is left for the next writer to recover."""
    with journal:
        _write_part(folder, rows)
        _unlink(journal)  # while it is locked: nobody may recover it as well


def _write_part(folder: Path, rows: list[Row]) -> None:
    part = folder / f"{uuid.uuid4().hex}.parquet"
    draft = part.with_name(f".{part.name}.draft")
    pq.write_table(_table(rows), draft, compression="zstd")
    draft.replace(part)


def _recover(folder: Path) -> None:
    """Turn the journals that nobody holds into parquet."""
    for path in folder.glob(".*.journal"):
        with contextlib.suppress(FileNotFoundError, BlockingIOError), path.open("rb") as journal:
            fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if rows := list(_read_journal(path)):
                _write_part(folder, rows)
            path.unlink()


def _table(rows: list[Row]) -> pa.Table:
    return pa.table(
        [
            pa.array([row.customer for row in rows]),
            pa.array([row.state for row in rows], pa.binary()),
            _times(row.at for row in rows),
            _times(row.created for row in rows),
        ],
        schema=SCHEMA,
    )


def _times(moments: Iterable[float]) -> pa.Array:
    micros = pa.array([round(moment * 1_000_000) for moment in moments], pa.int64())
    return micros.cast(pa.timestamp("us", tz="UTC"))


def _read_journal(path: Path) -> Iterator[Row]:
    """The whole rows of a journal; a last one that was cut short was never acknowledged."""
    raw = path.read_bytes()
    at = 0
    while at + _LENGTH.size <= len(raw):
        (length,) = _LENGTH.unpack_from(raw, at)
        at += _LENGTH.size
        if at + length > len(raw):
            return
        yield msgspec.msgpack.decode(raw[at : at + length], type=Row)
        at += length


def span(folder: Path) -> tuple[float, float] | None:
    """Times of the first and the last row in Unix seconds; None if there is no history."""
    ends = [pc.min_max(pq.read_table(path, columns=["event_timestamp"])[0]).as_py() for path in parts(folder)]
    if not ends:
        return None
    return min(end["min"] for end in ends).timestamp(), max(end["max"] for end in ends).timestamp()


def parts(folder: Path) -> list[Path]:
    """The parquet files of the history."""
    return sorted(path for path in folder.glob("*.parquet") if not path.name.startswith("."))


def customers(folder: Path) -> list[str]:
    """Every customer that the history has, sorted."""
    found: set[str] = set()
    for path in parts(folder):
        found.update(pq.read_table(path, columns=["customer_id"])["customer_id"].unique().to_pylist())
    return sorted(found)
