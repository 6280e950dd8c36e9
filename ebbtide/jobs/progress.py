"""How a job tells how far it is, without knowing who watches."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

Advance: TypeAlias = Callable[[int], None]
"""Told how many units more are done."""


class Progress(Protocol):
    """Opens a bar for a piece of work; `total` is its units, None if unknown."""

    def __call__(self, what: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """Show the piece of work while the context lasts."""


@contextlib.contextmanager
def silent(what: str, total: int | None = None) -> Iterator[Advance]:  # noqa: ARG001
    """Progress that nobody watches."""
    yield lambda _: None
