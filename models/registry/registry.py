"""Model versions and their aliases in MLflow, and the champion's way to those who serve it.

MLflow keeps what was tried. The API and the stream share nothing but Redis and never import MLflow: `publish`
puts the champion's document there, in one atomic write.
"""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import redis

from ebbtide.errors import ModelError
from models.churn import artefact as documents
from models.churn.artefact import Artefact
from models.registry import published
from models.registry.aliases import Move, notice, record

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = MODEL = "ebbtide-churn"
CHAMPION, CHALLENGER = "champion", "challenger"
DOCUMENT = "churn.json"
"""The file among a model's artifacts."""


@dataclass(frozen=True)
class Registry:
    """Where MLflow keeps things: the URI of its store (`sqlite:///...`), the folder of plots and models."""

    tracking_uri: str
    artifacts: Path


class Registered(NamedTuple):
    """A version in MLflow's registry, as "3", and the alias that it was given."""

    version: str
    alias: str


def register(client: "MlflowClient", model_uri: str, run_id: str, artefact: Artefact) -> Registered:
    """Make a version of a logged model.

    It becomes the champion if there is none that can score this catalog; otherwise the challenger, and what
    serves stays as it is.
    """
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(MODEL)
    except MlflowException:
        client.create_registered_model(MODEL, description="The probability that a customer leaves.")
    tags = {
        "catalog": artefact.catalog,
        "format": str(artefact.format),
        "label": str(artefact.churned),
        "horizon": str(artefact.main),
    }
    made = client.create_model_version(MODEL, model_uri, run_id, tags=tags)
    version = str(made.version)
    alias = CHALLENGER if _fits(client, tags) else CHAMPION
    at = made.creation_timestamp / 1000.0
    notice(client, MODEL, at)
    before = aliased(client, alias)
    client.set_registered_model_alias(MODEL, alias, version)
    moved = Move(at, alias, version, before, "ebbtide train", "newly trained")
    record(client, MODEL, moved)
    return Registered(version, alias)


def _fits(client: "MlflowClient", tags: dict[str, str]) -> bool:
    """Whether there is a champion for the same signals, in the same format."""
    version = aliased(client, CHAMPION)
    if version is None:
        return False
    kept = client.get_model_version(MODEL, version).tags
    return all(kept.get(name) == tags[name] for name in ("catalog", "format"))


def aliased(client: "MlflowClient", alias: str) -> str | None:
    """The version that an alias points at, None if at none."""
    from mlflow.exceptions import MlflowException

    try:
        return str(client.get_model_version_by_alias(MODEL, alias).version)
    except MlflowException:
        return None


def document(registry: Registry, version: str) -> bytes:
    """Read the document of a version, as encoded by `models.churn.artefact`.

    Raises:
        ModelError: MLflow has no such version, or its file is gone.
    """
    mlflow = load_mlflow()
    with session(registry):
        folder = mlflow.artifacts.download_artifacts(f"models:/{MODEL}/{version}")
        return (Path(folder) / "artifacts" / DOCUMENT).read_bytes()


def publish(registry: Registry, client: redis.Redis) -> str | None:
    """Copy the champion to Redis, for the API and the stream. Returns its version there, None without one.

    Raises:
        ModelError: MLflow's champion cannot be read.
        StoreError: Redis cannot be written.
    """
    with session(registry) as tracking:
        found = aliased(tracking, CHAMPION)
    if found is None:
        return None
    raw = document(registry, found)
    documents.decode(raw)
    return published.publish(client, published.KEY, raw, found)


def load_mlflow() -> Any:
    """The package, which takes seconds to import, with its usage reports off unless asked for."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    with warnings.catch_warnings():
        # Its own types of chat messages, met on the way to saving a model, make it warn of itself.
        warnings.filterwarnings("ignore", message=".*Any type hint is inferred", category=UserWarning)
        import mlflow.pyfunc
    return mlflow


@contextmanager
def session(registry: Registry) -> Iterator["MlflowClient"]:
    """MLflow pointed at the registry, and quiet; as it was before on the way out.

    Raises:
        ModelError: whatever MLflow, its database or its files could not do inside.
    """
    mlflow = load_mlflow()
    from sqlalchemy.exc import SQLAlchemyError

    before = mlflow.get_tracking_uri()
    logger = logging.getLogger("mlflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    mlflow.set_tracking_uri(registry.tracking_uri)
    try:
        yield mlflow.MlflowClient(registry.tracking_uri, registry.tracking_uri)
    except (mlflow.MlflowException, SQLAlchemyError, OSError) as error:
        raise ModelError(f"MLflow at {registry.tracking_uri}: {error}; see `ebbtide check`") from error
    finally:
        mlflow.set_tracking_uri(before)
        logger.setLevel(level)
