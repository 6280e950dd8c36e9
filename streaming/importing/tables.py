"""Tables from files: parquet, CSV and JSON lines become one frame of the mapped columns.

The frame has one column per role, still as found (text from CSV and JSON), and `line`: the data row of a
parquet file from 1, the line of a text file. It is held in memory as columns; other columns are not read.
"""

import csv
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from ebbtide.errors import InputError
from ebbtide.logs.archive import read_lines
from ebbtide.logs.rejected import Rejection
from streaming.importing.mapping import Mapping

DELIMITERS = ",;\t|"
"""A space is one where these part nothing; elsewhere it may be in a name."""
_BLOCK = 5_000
_LOOK_AHEAD = 1_000

Row = tuple[int, list[str | None]]
"""A line number and the values of the roles, in the mapping's order."""


def file_format(path: Path) -> str:
    """Tell `parquet`, `csv` or `jsonl` from a file's name, below `.gz` and `.zst`.

    Raises:
        InputError: it is none of them.
    """
    suffixes = [suffix for suffix in path.suffixes if suffix not in {".gz", ".zst"}]
    kind = {".parquet": "parquet", ".pq": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
    kind |= {".csv": "csv", ".tsv": "csv", ".txt": "csv"}
    try:
        return kind[suffixes[-1].lower()]
    except (IndexError, KeyError):
        raise InputError(
            f"{path}: expected .parquet, .csv, .tsv, .txt or .jsonl, found {path.name}"
        ) from None


def column_names(path: Path) -> list[str]:
    """List the columns of a file; of JSON lines, the keys of the first thousand.

    Raises:
        InputError: it cannot be read, or is empty.
    """
    match file_format(path):
        case "parquet":
            return _scan(path).collect_schema().names()
        case "csv":
            return _header(path)[0]
        case _:
            rows = (_decode(raw) for raw in islice(read_lines(path), _LOOK_AHEAD))
            return list(dict.fromkeys(key for row in rows if isinstance(row, dict) for key in row))


def read_table(path: Path, mapping: Mapping, faults: list[Rejection]) -> pl.DataFrame:
    """Read the mapped columns; lines that are not of the format go to `faults`.

    Raises:
        InputError: a file that cannot be read, a mapped column that is not there, or no data at all.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: expected data, found an empty file")
    mapping.check(str(path), column_names(path))
    match file_format(path):
        case "parquet":
            frame = _read_parquet(path, mapping)
        case "csv":
            frame = _frame(_csv_rows(path, mapping, faults), mapping)
        case _:
            frame = _frame(_json_rows(path, mapping, faults), mapping)
    if frame.is_empty() and not faults:
        raise InputError(f"{path}: expected data, found no rows")
    return frame


def _scan(path: Path) -> pl.LazyFrame:
    try:
        lazy = pl.scan_parquet(path)
        lazy.collect_schema()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path}: not a parquet file: {error}") from error
    return lazy


def _read_parquet(path: Path, mapping: Mapping) -> pl.DataFrame:
    roles = [pl.col(column).alias(role) for role, column in mapping.columns.items()]
    try:
        return _scan(path).select(roles).with_row_index("line", offset=1).collect(engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def _frame(rows: Iterator[Row], mapping: Mapping) -> pl.DataFrame:
    schema = {"line": pl.UInt32} | dict.fromkeys(mapping.columns, pl.String)
    blocks = [pl.DataFrame(schema=schema)]
    while block := list(islice(rows, _BLOCK)):
        lines, values = zip(*block, strict=True)
        columns = [lines, *zip(*values, strict=True)]
        blocks.append(pl.DataFrame(dict(zip(schema, columns, strict=True)), schema=schema))
    return pl.concat(blocks)


def _header(path: Path) -> tuple[list[str], str]:
    raw = next(read_lines(path), b"")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: expected text in UTF-8, found a first line of {raw[:40]!r}; save the file as UTF-8, or "
            "turn it: iconv -f LATIN1 -t UTF-8 (or -f UTF-16)"
        ) from error
    if not text.strip():
        raise InputError(f"{path}: expected a header in the first line, found an empty one")
    delimiter = max(DELIMITERS, key=lambda each: len(_parse_alone(text, each)))
    if len(_parse_alone(text, delimiter)) == 1 < len(_parse_alone(text, " ")):
        delimiter = " "
    return [name.strip() for name in _parse_alone(text, delimiter)], delimiter


class _Lines:
    """Feeds text lines to the CSV reader, and remembers the raw ones that made up its present row."""

    def __init__(self, raw_lines: Iterable[bytes], faults: list[Rejection]) -> None:
        self._numbered = enumerate(raw_lines, start=1)
        self._faults = faults
        self.row: list[tuple[int, str]] = []

    def __iter__(self) -> Iterator[str]:
        for number, raw in self._numbered:
            try:
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                self._faults.append(Rejection(number, "not UTF-8", raw))
                continue
            self.row.append((number, text))
            yield text + "\n"

    def take(self) -> list[tuple[int, str]]:
        taken, self.row = self.row, []
        return taken


def _csv_rows(path: Path, mapping: Mapping, faults: list[Rejection]) -> Iterator[Row]:
    header, delimiter = _header(path)
    places = [header.index(column) for column in mapping.columns.values()]
    lines = _Lines(read_lines(path), faults)
    for first, fields in islice(_records(lines, delimiter, len(header), faults), 1, None):
        yield first, [fields[place] or None for place in places]


def _records(
    lines: _Lines, delimiter: str, width: int, faults: list[Rejection]
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            fields = []
        taken = lines.take()
        if len(fields) == width and not _swallowed(taken, delimiter, width):
            yield taken[0][0], fields
            continue
        for number, text in taken:
            alone = _parse_alone(text, delimiter)
            if len(alone) == width:
                yield number, alone
            elif text.strip():
                faults.append(Rejection(number, f"expected {width} fields", text))


def _swallowed(taken: list[tuple[int, str]], delimiter: str, width: int) -> bool:
    """Tell whether a stray quote made the reader take lines that are rows of their own into a field."""
    return any(len(_parse_alone(text, delimiter)) == width for _, text in taken[1:])


def _parse_alone(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        return []


def _json_rows(path: Path, mapping: Mapping, faults: list[Rejection]) -> Iterator[Row]:
    columns = list(mapping.columns.values())
    for number, raw in enumerate(read_lines(path), start=1):
        row = _decode(raw)
        if isinstance(row, dict):
            yield number, [_text(row.get(column)) for column in columns]
        elif raw.strip():
            faults.append(Rejection(number, "not a JSON object", raw))


def _decode(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return msgspec.json.encode(value).decode()
