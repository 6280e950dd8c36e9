"""Models as documents of plain values: JSON, with the number of their format."""

from typing import Protocol, TypeVar

import msgspec

from ebbtide.errors import ModelError


class _Numbered(Protocol):
    @property
    def format(self) -> int: ...


Document = TypeVar("Document", bound=_Numbered)


def read(raw: bytes, kind: type[Document], number: int, expected: str, remedy: str = "") -> Document:
    """Read a document of a format; `expected` and `remedy` are for the error.

    Raises:
        ModelError: it is something else, or of another format.
    """
    problem = f"{expected} of format {number}, found "
    try:
        found = msgspec.json.decode(raw, type=kind)
    except msgspec.MsgspecError as error:
        raise ModelError(f"{problem}{error}{remedy}") from error
    if found.format != number:
        raise ModelError(f"{problem}{found.format}{remedy}")
    return found
