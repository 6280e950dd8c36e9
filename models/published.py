"""What lies in Redis of a model in force: one hash, written and exchanged as a whole.

Its fields: `version`; `model`, a document as JSON (of the champion that of `models.artefact`); `digest`, the
SHA-256 of that.
"""

KEY = "ebbtide:model:churn"
"""Of the champion."""


def fields(version: str, raw: bytes, digest: str) -> dict[str, str | bytes]:
    """The fields of the hash."""
    return {"version": version, "model": raw, "digest": digest}
