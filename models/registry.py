"""Training runs and model versions in MLflow, and the champion's way to those who serve it.

MLflow keeps what was tried. The API and the stream share nothing but Redis and never import MLflow: `publish`
puts the champion there as LightGBM's text with its metadata, in one atomic write.
"""

import hashlib
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import redis

from ebbtide.errors import ModelError, StoreError
from models.churn import TrainedModel
from models.published import KEY, Metadata

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

EXPERIMENT = MODEL = "ebbtide-churn"
CHAMPION = "champion"
_REQUIREMENTS = ("lightgbm", "mlflow", "numpy", "pandas")


@dataclass(frozen=True)
class Registry:
    """Where MLflow keeps things: the URI of its store (`sqlite:///...`), the folder of plots and models."""

    tracking_uri: str
    artifacts: Path


@dataclass(frozen=True)
class Training:
    """What is told of one training run. Frames as from `models.dataset.training_rows`."""

    model: TrainedModel
    train_rows: "pd.DataFrame"
    test_rows: "pd.DataFrame"
    metrics: Mapping[str, float]
    figures: Mapping[str, "Figure"]
    catalog_version: str
    source: str


def log_training(registry: Registry, training: Training) -> str:
    """Log one run with its model, and make that model the champion. Returns the registered version, as "3".

    The run holds parameters, data sets, row counts, the label's definition, metrics, plots and the model with
    signature and example.

    Raises:
        ModelError: MLflow could not keep it.
    """
    from sqlalchemy.exc import SQLAlchemyError

    mlflow = _mlflow()
    try:
        with _session(registry) as client:
            experiment = _experiment(client, registry.artifacts)
            with mlflow.start_run(experiment_id=experiment, run_name=_run_name(training)) as run:
                _log_facts(training)
                logged = _log_model(training)
            return _register(client, logged.model_uri, run.info.run_id, training)
    except (mlflow.MlflowException, SQLAlchemyError, OSError) as error:
        raise ModelError(f"MLflow at {registry.tracking_uri}: {error}; see `ebbtide check`") from error


def publish(registry: Registry, client: redis.Redis) -> str | None:
    """Copy the champion to Redis, for the API and the stream. Returns its version there, None without one.

    Raises:
        ModelError: MLflow's champion cannot be read.
        StoreError: Redis cannot be written.
    """
    from sqlalchemy.exc import SQLAlchemyError

    mlflow = _mlflow()
    try:
        with _session(registry) as tracking:
            found = _champion(tracking)
            if found is None:
                return None
            uri = f"models:/{MODEL}@{CHAMPION}"
            kept = mlflow.models.get_model_info(uri).metadata["ebbtide"]
            text = mlflow.lightgbm.load_model(uri).model_to_string()
    except (mlflow.MlflowException, SQLAlchemyError, OSError, KeyError, TypeError) as error:
        raise ModelError(
            f"MLflow's {MODEL}@{CHAMPION}: expected a model of Ebbtide, found {error}"
        ) from error
    digest = hashlib.sha256(text.encode()).hexdigest()
    meta = msgspec.convert({**kept, "digest": digest}, Metadata)
    version = f"{found}-{digest[:8]}"
    try:
        client.hset(KEY, mapping={"version": version, "model": text, "meta": msgspec.json.encode(meta)})
    except redis.RedisError as error:
        raise StoreError(f"Redis, {KEY}: expected to write the champion, found {error}") from error
    return version


def _experiment(client: "MlflowClient", artifacts: Path) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    return str(client.create_experiment(EXPERIMENT, artifact_location=artifacts.absolute().as_uri()))


def _run_name(training: Training) -> str:
    """What a reader looks for in a list of runs: the horizon, and the cut-off it was tested on."""
    return f"churn-{training.model.horizon}d-{training.test_rows['cutoff'].max():%Y-%m-%d}"


def _log_facts(training: Training) -> None:
    """Everything of the run but the model."""
    import mlflow

    model = training.model
    mlflow.log_params(
        {**model.params, "rounds": model.rounds, "horizon": model.horizon, "active": model.active}
        | {"signals": len(model.names), "catalog": training.catalog_version}
    )
    mlflow.set_tags(
        {
            "catalog": training.catalog_version,
            "label": f"no order in the {model.horizon} days after the cut-off, "
            f"among customers with one in the {model.active} days before it",
        }
    )
    for name, rows in (("training", training.train_rows), ("test", training.test_rows)):
        mlflow.log_input(_described(name, rows, training.source), context=name)
        mlflow.log_metrics({f"{name}_rows": len(rows), f"{name}_churn_rate": float(rows["churned"].mean())})
        mlflow.log_param(
            f"{name}_cutoffs", ", ".join(f"{cutoff:%Y-%m-%d}" for cutoff in rows["cutoff"].unique())
        )
    mlflow.log_metrics(dict(training.metrics))
    for name, figure in training.figures.items():
        mlflow.log_figure(figure, f"plots/{name}")


def _described(name: str, rows: "pd.DataFrame", source: str) -> Any:
    """The rows as MLflow's data set: their digest, schema and count, not the rows themselves."""
    import mlflow

    with warnings.catch_warnings():
        # A folder is one kind of source to MLflow, which registers that kind twice and warns of the choice.
        warnings.filterwarnings("ignore", message="The specified dataset source", category=UserWarning)
        return mlflow.data.from_pandas(rows, source=source, name=f"churn-{name}", targets="churned")


def _log_model(training: Training) -> Any:
    """Log the model with its signature, an example, and what a scorer must know of it."""
    import mlflow
    from mlflow.models import infer_signature

    model = training.model
    example = training.test_rows[list(model.names)].head(5)
    meta = {
        "catalog": training.catalog_version,
        "names": list(model.names),
        "horizon": model.horizon,
        "active": model.active,
        "example": [None if value != value else value for value in example.iloc[0].tolist()],  # NaN
        "expected": float(model.predict(example)[0]),
    }
    return mlflow.lightgbm.log_model(
        model.booster,
        name="churn",
        signature=infer_signature(example, model.predict(example)),
        input_example=example,
        pip_requirements=_requirements(),
        metadata={"ebbtide": meta},
    )


def _requirements() -> list[str]:
    """Named outright: MLflow would find them out by loading the model in a process of its own."""
    from importlib.metadata import version

    return [f"{name}=={version(name)}" for name in _REQUIREMENTS]


def _register(client: "MlflowClient", model_uri: str, run_id: str, training: Training) -> str:
    """Make a model version of it and point the alias at that."""
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(MODEL)
    except MlflowException:
        client.create_registered_model(MODEL, description="The probability that a customer leaves.")
    tags = {"catalog": training.catalog_version, "horizon": str(training.model.horizon)}
    made = client.create_model_version(MODEL, model_uri, run_id, tags=tags)
    client.set_registered_model_alias(MODEL, CHAMPION, made.version)
    return str(made.version)


def _champion(client: "MlflowClient") -> str | None:
    """Find the version that the alias points at."""
    from mlflow.exceptions import MlflowException

    try:
        return str(client.get_model_version_by_alias(MODEL, CHAMPION).version)
    except MlflowException:
        return None


def _mlflow() -> Any:
    """The package, which takes seconds to import, with its usage reports off unless asked for."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    with warnings.catch_warnings():
        # Its own types of chat messages, met on the way to saving a model, make it warn of itself.
        warnings.filterwarnings("ignore", message=".*Any type hint is inferred", category=UserWarning)
        import mlflow.pyfunc
    return mlflow


@contextmanager
def _session(registry: Registry) -> Iterator["MlflowClient"]:
    """MLflow pointed at the registry, and quiet; as it was before on the way out."""
    mlflow = _mlflow()
    before = mlflow.get_tracking_uri()
    logger = logging.getLogger("mlflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    mlflow.set_tracking_uri(registry.tracking_uri)
    try:
        yield mlflow.MlflowClient(registry.tracking_uri, registry.tracking_uri)
    finally:
        mlflow.set_tracking_uri(before)
        logger.setLevel(level)
