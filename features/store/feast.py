"""Feast's own SDK over Ebbtide's working folder: for training, for other Feast clients, for conformance."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

from ebbtide.errors import ConfigError
from features.catalog import NAMES
from features.profile import decode, vector

if TYPE_CHECKING:
    from feast import FeatureStore


_PROBE = b"hello world"
"""The bytes with which Feast calls a transformation to learn its types."""


def signal_columns(states: Sequence[bytes | None], moments: Sequence[float | None]) -> dict[str, list[float]]:
    """The signals by name, a value per row, from encoded states and moments (Unix seconds, UTC).

    A row without a state has no signals: NaN.

    Raises:
        StoreError: a state of another catalog version.
    """
    missing = [math.nan] * len(NAMES)
    rows = [
        missing if state is None or now is None or state == _PROBE else vector(decode(state), now)
        for state, now in zip(states, moments, strict=True)
    ]
    return {name: [row[index] for row in rows] for index, name in enumerate(NAMES)}


def connection_string(redis_url: str) -> str:
    """A Redis URL (redis, rediss or unix) in the form that Feast's `connection_string` has.

    >>> connection_string("rediss://:secret@example.org:6380/2")
    'example.org:6380,db=2,password="secret",ssl=true'
    >>> connection_string("unix:///run/redis.sock?db=1")
    'localhost:6379,db=1,unix_socket_path=/run/redis.sock'

    Raises:
        ConfigError: another scheme, or a part with a comma, which Feast cannot carry.
    """
    url = urlsplit(redis_url)
    if url.scheme not in ("redis", "rediss", "unix"):
        raise ConfigError(f"EBBTIDE_REDIS_URL: expected redis://, rediss:// or unix://, found {redis_url!r}")
    unix = url.scheme == "unix"
    db = (parse_qs(url.query).get("db") or ["0"])[0] if unix else (url.path.strip("/") or "0")
    options = {
        "db": db,
        "username": json.dumps(unquote(url.username)) if url.username else None,
        "password": json.dumps(unquote(url.password)) if url.password else None,
        "ssl": "true" if url.scheme == "rediss" else None,
        "unix_socket_path": unquote(url.path) if unix else None,
    }
    host = "localhost:6379" if unix else f"{url.hostname or 'localhost'}:{url.port or 6379}"
    parts = [f"{name}={given}" for name, given in options.items() if given]
    if any("," in part for part in parts):
        raise ConfigError("EBBTIDE_REDIS_URL: Feast cannot carry a comma in a password or path; change it")
    return ",".join([host, *parts])


def open_store(repo: Path, home: Path, redis_url: str) -> "FeatureStore":
    """Feast's store as `feature_store.yaml` in `repo` says, over the working folder and Redis given."""
    from feast import FeatureStore, RepoConfig

    settings: dict[str, Any] = yaml.safe_load((repo / "feature_store.yaml").read_text())
    settings["registry"] = str(home / "feast.db")
    settings["online_store"]["connection_string"] = connection_string(redis_url)
    return FeatureStore(config=RepoConfig(repo_path=repo, **settings))
