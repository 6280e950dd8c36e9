"""What the online store writes of a customer."""

from typing import NamedTuple


class Row(NamedTuple):
    """An encoded state and the time of its newest event (Unix seconds, UTC)."""

    customer: str
    state: bytes
    at: float
