"""What lies in Redis of the champion: one hash, written and exchanged as a whole.

Its fields: `version`; `model`, the document of `models.artefact` as JSON; `digest`, the SHA-256 of that.
"""

KEY = "ebbtide:model:churn"


def fields(version: str, raw: bytes, digest: str) -> dict[str, str | bytes]:
    """The fields of the hash."""
    return {"version": version, "model": raw, "digest": digest}
