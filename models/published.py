"""What lies in Redis of the champion: one hash with the fields `version`, `model` and `meta`."""

import msgspec

KEY = "ebbtide:model:churn"


class Metadata(msgspec.Struct, frozen=True):
    """What a scorer must know of a model: `meta`, as JSON.

    `catalog` and `names` say which signals, in which order; `horizon` and `active` are days; `digest` is the
    SHA-256 of the model's text; the model gives `expected` for the vector `example` (None is missing).
    """

    catalog: str
    names: tuple[str, ...]
    horizon: int
    active: int
    digest: str
    example: tuple[float | None, ...]
    expected: float
