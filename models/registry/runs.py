"""What MLflow is told of a training: one run, with everything that a reader needs to judge the model.

Parameters, data sets with their digests, row counts, the label's definition, metrics with intervals, plots,
the environment, and the model itself with signature and example; and the model of value fitted beside it.
"""

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.churn import artefact as documents
from models.churn.artefact import Artefact, Churned
from models.churn.churn import TrainedModel, label
from models.churn.curve import ChurnCurve
from models.churn.tuning import Trial
from models.drift.drift import describe
from models.registry.registry import (
    DOCUMENT,
    EXPERIMENT,
    Registered,
    Registry,
    load_mlflow,
    register,
    session,
)
from models.value.value import Value, encode

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

_PYFUNC = Path(__file__).with_name("pyfunc.py")
POPULATION, VALUE = "population.json", "value.json"
_REQUIREMENTS = ("lightgbm", "mlflow", "msgspec", "numpy", "pandas")
"""What scoring needs beside Ebbtide itself, which is on no index that pip could take it from."""


@dataclass(frozen=True)
class Training:
    """What is told of one training run. Frames as from `models.churn.dataset.training_rows`."""

    model: TrainedModel
    train_rows: "pd.DataFrame"
    test_rows: "pd.DataFrame"
    metrics: Mapping[str, float]
    figures: Mapping[str, "Figure"]
    source: str
    trials: Sequence[Trial] = ()
    worth: Value | None = None


def log_training(registry: Registry, training: Training) -> Registered:
    """Log one run with its model, and register that; see `models.registry.registry.register` for its alias.

    Raises:
        ModelError: MLflow could not keep it.
    """
    mlflow = load_mlflow()
    with session(registry) as client:
        place = experiment(client, registry.artifacts)
        with mlflow.start_run(experiment_id=place, run_name=_run_name(training)) as run:
            _log_facts(training)
            _log_rows(training)
            mlflow.log_dict(_population(training), POPULATION)
            _log_value(training.worth)
            for name, figure in training.figures.items():
                mlflow.log_figure(figure, f"plots/{name}")
            logged = _log_model(training)
            for number, trial in enumerate(training.trials):
                _log_trial(place, number, trial)
        return register(client, logged.model_uri, run.info.run_id, training.model.artefact)


def label_text(artefact: Artefact) -> str:
    """The label's definition in words."""
    if artefact.churned is Churned.CANCEL:
        return (
            f"a cancellation, or a request for one, in the {artefact.main} days after the cut-off, "
            "among customers subscribed at it who had not asked to cancel"
        )
    return (
        f"no order in the {artefact.main} days after the cut-off, "
        f"among customers with one in the {artefact.active} days before it"
    )


def experiment(client: "MlflowClient", artifacts: Path, name: str = EXPERIMENT) -> str:
    """The id of an experiment, which is made if there is none."""
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    return str(client.create_experiment(name, artifact_location=artifacts.absolute().as_uri()))


def _run_name(training: Training) -> str:
    """What a reader looks for in a list of runs: the horizon, and the cut-off it was tested on."""
    return f"churn-{training.model.artefact.main}d-{training.test_rows['cutoff'].max():%Y-%m-%d}"


def _log_facts(training: Training) -> None:
    """Parameters, the label's definition, and metrics."""
    import mlflow

    model, artefact = training.model, training.model.artefact
    mlflow.log_params(
        {**model.params, "horizon": artefact.main, "active": artefact.active, "churned": artefact.churned}
        | {"horizons": ", ".join(map(str, artefact.days))}
        | {"signals": len(artefact.names), "catalog": artefact.catalog}
        | {f"{name}_{days}": value for days, choice in model.chosen.items() for name, value in _named(choice)}
    )
    mlflow.set_tags({"catalog": artefact.catalog, "label": label_text(artefact)})
    mlflow.log_metrics(dict(training.metrics) | {f"rows_{days}": n for days, n in model.rows.items()})


def _log_value(worth: Value | None) -> None:
    """The model of value that was fitted beside: its document, what was chosen, and how far each was off."""
    import mlflow

    if worth is None:
        mlflow.log_param("value_model", "none: too short a log, or too few who spend")
        return
    mlflow.log_params(
        {"value_model": "trees" if worth.trees else "rfm", "value_days": worth.days}
        | {"value_digest": documents.digest(encode(worth))}
    )
    mlflow.log_metrics({f"value_deviance_{name}": found for name, found in worth.deviance.items()})
    mlflow.log_text(encode(worth).decode(), VALUE)


def _population(training: Training) -> dict[str, Any]:
    """How the signals spread, to tell later whether customers have changed."""
    names = training.model.artefact.names
    return describe(training.train_rows[list(names)].to_numpy(float), names)


def _named(choice: Any) -> list[tuple[str, Any]]:
    return [(name, f"{value:.4g}") for name, value in choice._asdict().items()]


def _log_trial(experiment: str, number: int, trial: Trial) -> None:
    """A child run for a set of parameters that was tried; the best is number 0."""
    import mlflow

    with mlflow.start_run(experiment_id=experiment, run_name=f"trial-{number}", nested=True):
        mlflow.log_params(trial.params)
        mlflow.log_metrics(
            {"held_out_log_loss": trial.log_loss, "rounds": trial.rounds, "seconds": trial.seconds}
        )


def _log_rows(training: Training) -> None:
    """The rows as data sets: digest, schema and count, not the rows themselves."""
    import mlflow

    target = label(training.model.artefact.main)
    for name, rows in (("training", training.train_rows), ("test", training.test_rows)):
        with warnings.catch_warnings():
            # A folder is one kind of source to MLflow, which registers it twice and warns of the choice.
            warnings.filterwarnings("ignore", message="The specified dataset source", category=UserWarning)
            data = mlflow.data.from_pandas(rows, source=training.source, name=f"churn-{name}", targets=target)
        mlflow.log_input(data, context=name)
        mlflow.log_metrics(
            {
                f"{name}_rows": len(rows),
                f"{name}_customers": rows["customer_id"].nunique(),
                f"{name}_churn_rate": float(rows[target].mean()),
            }
        )
        mlflow.log_param(
            f"{name}_cutoffs", ", ".join(f"{cutoff:%Y-%m-%d}" for cutoff in rows["cutoff"].unique())
        )


def _log_model(training: Training) -> Any:
    """Log the model as a `pyfunc` made from code and its document, with signature and example."""
    import mlflow
    from mlflow.models import infer_signature

    artefact = training.model.artefact
    example = training.test_rows[list(artefact.names)].head(5)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / DOCUMENT
        path.write_bytes(documents.encode(artefact))
        return mlflow.pyfunc.log_model(
            name="churn",
            python_model=str(_PYFUNC),
            artifacts={"churn": str(path)},
            signature=infer_signature(example, _scored(artefact, example)),
            input_example=example,
            pip_requirements=_requirements(),
            metadata={"ebbtide": {"catalog": artefact.catalog, "horizon": artefact.main}},
        )


def _scored(artefact: Artefact, example: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    curve = ChurnCurve(artefact)
    columns = [label(days) for days in curve.days]
    return pd.DataFrame(curve.predict_many(example.to_numpy(float)), columns=columns)


def _requirements() -> list[str]:
    """Named outright: MLflow would find them out by loading the model in a process of its own."""
    return [f"{name}=={version(name)}" for name in _REQUIREMENTS]
