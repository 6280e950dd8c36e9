"""What a trained churn model is: one document of plain values, the same in MLflow, in Redis and in memory.

For each horizon it has trees (LightGBM's text) and a linear partner, joined in log-odds. Nothing of it is
code, so whoever reads it needs to trust no pickle.
"""

import hashlib
from enum import StrEnum

import msgspec

from models import documents

FORMAT = 1


class Churned(StrEnum):
    """What counts as churn: silence (no order within the horizon), or a cancellation within it."""

    SILENCE = "silence"
    CANCEL = "cancel"


class Linear(msgspec.Struct, frozen=True):
    """Weights over the inputs of `models.churn.inputs`: one per signal, one per signal that is missing."""

    weights: tuple[float, ...]
    missing: tuple[float, ...]
    bias: float


class Horizon(msgspec.Struct, frozen=True):
    """The model of one horizon, in days: log-odds = trees_share * trees + linear_share * linear."""

    days: int
    trees: str
    linear: Linear
    trees_share: float
    linear_share: float


class Scale(msgspec.Struct, frozen=True):
    """Centre and one over the width of each signal, after the transformation of `models.churn.inputs`."""

    centre: tuple[float, ...]
    per_width: tuple[float, ...]


class Artefact(msgspec.Struct, frozen=True):
    """A churn model. `active` and horizons in days; the horizons ascend.

    `catalog` and `names` say which signals it takes, in which order. For the vector `example` (None is
    missing) it gives the probabilities `expected`, by which a reader knows that it scores as in training.
    `base_rate` is the share of those whom it learned from who left within the main horizon; None in models
    that were trained before it was kept.
    """

    catalog: str
    names: tuple[str, ...]
    churned: Churned
    active: int
    main: int
    scale: Scale
    horizons: tuple[Horizon, ...]
    example: tuple[float | None, ...] = ()
    expected: tuple[float, ...] = ()
    base_rate: float | None = None
    format: int = FORMAT

    @property
    def days(self) -> tuple[int, ...]:
        """The horizons."""
        return tuple(each.days for each in self.horizons)


def encode(artefact: Artefact) -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(artefact)


def decode(raw: bytes) -> Artefact:
    """Read what `encode` wrote.

    Raises:
        ModelError: it is something else, or of another format.
    """
    return documents.read(raw, Artefact, FORMAT, "churn model: expected a document", "; run `ebbtide train`")


def digest(raw: bytes) -> str:
    """SHA-256 of the encoded document."""
    return hashlib.sha256(raw).hexdigest()
