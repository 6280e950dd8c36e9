"""What MLflow keeps of a look at drift: a run with every figure and the page."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from models.drift.drift import Population, population
from models.registry.registry import EXPERIMENT, MODEL, Registry, load_mlflow, session
from models.registry.runs import POPULATION

if TYPE_CHECKING:
    from mlflow import MlflowClient

PAGE = "monitoring.html"


def trained_population(registry: Registry, version: str) -> Population | None:
    """Say how the signals spread that a version was trained on; None if its run does not tell.

    Raises:
        ModelError: MLflow cannot be read.
    """
    mlflow = load_mlflow()
    with session(registry) as client:
        run = str(client.get_model_version(MODEL, version).run_id)
        if not any(each.path == POPULATION for each in client.list_artifacts(run)):
            return None
        return population(mlflow.artifacts.load_dict(f"runs:/{run}/{POPULATION}"))


def training_cutoffs(registry: Registry, version: str) -> tuple[list[str], str]:
    """Give the dates of the cut-offs that a version was trained on, and of the last it was tested on.

    Raises:
        ModelError: MLflow cannot be read.
    """
    with session(registry) as client:
        params = client.get_run(client.get_model_version(MODEL, version).run_id).data.params
    return params["training_cutoffs"].split(", "), max(params["test_cutoffs"].split(", "))


def log_monitoring(
    registry: Registry, version: str, day: str, metrics: Mapping[str, float], page: str
) -> str:
    """Log a run beside the trainings, tagged with the version that was looked at; returns its id.

    Raises:
        ModelError: MLflow could not keep it.
    """
    mlflow = load_mlflow()
    with session(registry) as client:
        experiment = _experiment(client)
        with mlflow.start_run(experiment_id=experiment, run_name=f"monitor-{day}") as run:
            mlflow.set_tags({"kind": "monitoring", "model_version": version})
            mlflow.log_metrics(dict(metrics))
            mlflow.log_text(page, PAGE)
            return str(run.info.run_id)


def _experiment(client: "MlflowClient") -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is None:
        raise FileNotFoundError(f"no experiment {EXPERIMENT}, though it has a champion")
    return str(found.experiment_id)
