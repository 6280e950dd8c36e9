"""Items from a file: a table with a column for each field of an item, or JSON lines as the API has them."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from ebbtide.domain.item import FIELDS
from ebbtide.errors import InputError
from ebbtide.logs.archive import read_lines
from ebbtide.logs.rejected import Rejection
from streaming.importing.mapping import Mapping
from streaming.importing.tables import column_names, file_format, read_table

OWN = "attributes."
"""Begins the role of a column that holds an attribute of the shop's own."""
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_ROLES = [field for field in FIELDS if field != "attributes"]
_PLAIN = {field.lower(): field for field in _ROLES}

Row = tuple[int, Any]
"""A line of a text file or a row of a parquet file, from 1, and the item that it describes."""


def item_mapping(text: str) -> Mapping:
    """Read `field=column,field=column`; `attributes.NAME=column` is an attribute.

    Raises:
        InputError: an unknown field (lists them), one given twice, no `id`, or no `=`.

    >>> item_mapping("id=SKU, name=TITLE, attributes.grams=WEIGHT").columns
    {'id': 'SKU', 'name': 'TITLE', 'attributes.grams': 'WEIGHT'}
    """
    columns: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        field, equals, column = (piece.strip() for piece in part.partition("="))
        if not equals or not column:
            raise InputError(f"--map: expected field=column, found {part!r}")
        if field not in _ROLES and not (field.startswith(OWN) and field != OWN):
            raise InputError(
                f"--map: no field {field!r}; the fields are: {', '.join(_ROLES)}, {OWN}NAME for your own"
            )
        if field in columns:
            raise InputError(f"--map: the field {field!r} is given twice")
        columns[field] = column
    if "id" not in columns:
        raise InputError("--map: expected a column for 'id', e.g. --map id=SKU,name=TITLE")
    return Mapping(columns)


def read_items(path: Path, mapping: Mapping | None, faults: list[Rejection]) -> Iterator[Row]:
    """Yield the items of a file; lines that are not of its format go to `faults`.

    Without a mapping, columns are fields by their names, whatever their case (`available_from` is
    `availableFrom`), and all others are attributes; JSON lines are items as `PUT /v1/items` takes them. An
    empty cell says nothing.

    Raises:
        InputError: no such file, an empty one, an unknown format, no column for the id.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: expected items, found an empty file")
    if mapping is None and file_format(path) == "jsonl":
        yield from _json_items(path, faults)
        return
    frame = read_table(path, mapping or _by_name(path), faults)
    for row in frame.iter_rows(named=True):
        yield row.pop("line"), _item(row)


def _json_items(path: Path, faults: list[Rejection]) -> Iterator[Row]:
    for number, raw in enumerate(read_lines(path), start=1):
        if not raw.strip():
            continue
        try:
            yield number, msgspec.json.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            faults.append(Rejection(number, "not JSON", raw))


def _by_name(path: Path) -> Mapping:
    """What the names of the columns say."""
    columns: dict[str, str] = {}
    for column in filter(None, column_names(path)):
        field = _PLAIN.get(column.lower().replace("_", "").replace(" ", ""), f"{OWN}{column}")
        columns.setdefault(field, column)
    if "id" not in columns:
        found = ", ".join(columns.values())
        raise InputError(
            f"{path}: expected a column `id`, found {found}; say which is what, e.g. --map id=SKU,name=TITLE"
        )
    return Mapping(columns)


def _item(row: dict[str, Any]) -> dict[str, Any]:
    """The item that a row of cells describes."""
    item: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for field, cell in row.items():
        value = _plain(cell)
        if value is None or value == "":
            continue
        if field.startswith(OWN):
            own[field.removeprefix(OWN)] = _attribute(value)
        else:
            item[field] = value
    if isinstance(item.get("id"), float) and item["id"].is_integer():
        item["id"] = int(item["id"])  # a column of floats, as gaps make of integers
    return item | ({"attributes": own} if own else {})


def _plain(cell: Any) -> Any:
    """A cell as JSON would have it."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, float) and cell != cell:
        return None
    if isinstance(cell, date):  # a moment too
        return cell.isoformat()
    return float(cell) if isinstance(cell, Decimal) else cell


def _attribute(value: Any) -> Any:
    """Text of which each letter counts stays text: `007` is no number."""
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value
