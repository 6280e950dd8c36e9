"""The history: what was known of each customer at past moments, as parquet that Feast's offline store reads.

It is rebuilt from the event archive, at the moments that are asked for, by the function that the stream
updates states with. So nothing is written for it while events come in, and a new signal has its whole past.
What was rebuilt is kept, and serves again as long as archive and catalog stay as they are.
"""

import fcntl
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from ebbtide.logs.archive import Part, parts
from features.catalog import VERSION
from features.rebuild import Advance, Known, Span, Survey, rows, survey

SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("state", pa.binary()),
        ("event_timestamp", pa.timestamp("us", tz="UTC")),
        ("created", pa.timestamp("us", tz="UTC")),
    ]
)
"""`event_timestamp` is the time of the state's newest event, so that Feast finds it from then on. `created`
is the moment at which the state was so."""
_GROUP = 10_000
"""Rows written at once."""


class _Made(msgspec.Struct, frozen=True):
    """What the folder holds: of which archive, by which signals, at which moments (Unix seconds)."""

    archive: str
    catalog: str
    span: Span | None = None
    moments: tuple[float, ...] = ()


class History:
    """The past of one archive. See `opened`."""

    def __init__(self, archive: Path, folder: Path) -> None:
        self._folder = folder
        self._parts = parts(archive)
        self._survey: Survey | None = None
        made, kept = _Made(_digest(self._parts), VERSION), self._read()
        same = kept is not None and (kept.archive, kept.catalog) == (made.archive, made.catalog)
        self._made = kept if kept is not None and same else made

    @property
    def file(self) -> Path:
        """The parquet file with the states, as `SCHEMA` has it; there once a moment was included."""
        return self._folder / "states.parquet"

    @property
    def moments(self) -> tuple[float, ...]:
        """Unix seconds, ascending: a read at one of them is exact."""
        return self._made.moments

    def span(self, advance: Advance = int) -> Span | None:
        """How many events there are, and of which time; None if there are none.

        `advance` is told how many events more were read, if the archive has to be read for it.
        """
        if self._made.span is None and (found := self._surveyed(advance)) is not None:
            self._made = msgspec.structs.replace(self._made, span=found.span)
        return self._made.span

    def include(self, moments: Iterable[float], advance: Advance = int) -> None:
        """See to it that a read at each of the moments (Unix seconds) is exact.

        Moments that the history has already cost nothing; for others it is made anew. `advance` is told how
        many events more were replayed.

        Raises:
            InputError: a file of the archive is missing or damaged.
        """
        wanted = tuple(sorted({*moments, *self.moments}))
        if wanted == self.moments and self.file.exists():
            return
        self._note.unlink(missing_ok=True)  # whatever happens from here on, the file is not what it says
        found = self._surveyed()
        made = rows(self._parts, found, wanted, self._folder, advance) if found else iter(())
        draft = self._folder / ".states.draft"
        _write(draft, made)
        draft.replace(self.file)
        span = None if found is None else found.span
        self._made = msgspec.structs.replace(self._made, span=span, moments=wanted)
        self._note.write_bytes(msgspec.json.encode(self._made))

    def _surveyed(self, advance: Advance = int) -> Survey | None:
        if self._survey is None:
            self._survey = survey(self._parts, advance)
        return self._survey

    @property
    def _note(self) -> Path:
        return self._folder / "made.json"

    def _read(self) -> _Made | None:
        try:
            return msgspec.json.decode(self._note.read_bytes(), type=_Made)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None


@contextmanager
def opened(archive: Path, folder: Path) -> Iterator[History]:
    """Open the history of an archive, for one process at a time; others wait for their turn.

    Args:
        archive: the folder of the event archive. What is appended to it meanwhile is not seen.
        folder: where the history is kept; it may be removed at any time, and is made anew.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go of when the process ends, however it ends
        yield History(archive, folder)


def _digest(found: Sequence[Part]) -> str:
    """What changes whenever a file of the archive does."""
    told = repr([(part.path.name, part.size, part.changed) for part in found])
    return hashlib.sha256(told.encode()).hexdigest()


def _write(path: Path, found: Iterable[Known]) -> None:
    source = iter(found)
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        while group := list(islice(source, _GROUP)):
            writer.write_table(_table(group))


def _table(group: Sequence[Known]) -> pa.Table:
    customers, states, ats, moments = zip(*group, strict=True)
    columns = [pa.array(customers), pa.array(states, pa.binary()), _times(ats), _times(moments)]
    return pa.table(columns, schema=SCHEMA)


def _times(moments: Iterable[float]) -> pa.Array:
    micros = pa.array([round(moment * 1_000_000) for moment in moments], pa.int64())
    return micros.cast(pa.timestamp("us", tz="UTC"))
