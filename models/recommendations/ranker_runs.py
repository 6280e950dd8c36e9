"""What MLflow is told of a ranker: a run with parameters, metrics, the first guess, the trees on top."""

import warnings
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from models.recommendations.learned import PARAMETERS
from models.recommendations.ranker import KEPT, MOST_CUSTOMERS, WINDOWS, Ranker
from models.registry.registry import CHAMPION, Registry, load_mlflow, session
from models.registry.runs import experiment

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MODEL = "ebbtide-recommendations"
SHOWN = 20
"""Values in the picture of importance."""


def log_ranker(
    registry: Registry, ranker: Ranker, days: float, cut: str, metrics: Mapping[str, float]
) -> str:
    """Log a run with its model, make that the champion, and give its version.

    Args:
        registry: where MLflow keeps things.
        ranker: one that has learned.
        days: that it looks ahead.
        cut: the day on which it was made, as ISO 8601.
        metrics: on the last window held out.

    Raises:
        ModelError: MLflow could not keep it.
        ValueError: the ranker has learned nothing.
    """
    if (learned := ranker.model) is None:
        raise ValueError("expected a ranker that has learned, found one that ranks by a plain rule")
    mlflow = load_mlflow()
    import_module("mlflow.lightgbm")  # which is not loaded with the rest
    from mlflow.exceptions import MlflowException

    with session(registry) as client:
        place = experiment(client, registry.artifacts, MODEL)
        with mlflow.start_run(experiment_id=place, run_name=f"recommendations-{days:.0f}d-{cut}") as run:
            mlflow.log_params(
                {
                    **PARAMETERS,
                    "rounds": learned.trees.num_trees(),
                    "days": days,
                    "windows": ranker.windows,
                    "cut": cut,
                }
                | {"most_windows": WINDOWS, "customers_a_window": MOST_CUSTOMERS, "kept": KEPT}
            )
            mlflow.log_metrics(dict(metrics))
            mlflow.log_dict(learned.guess.public(), "first_guess.json")
            mlflow.log_figure(_importance(learned.trees, ranker.candidates.names), "plots/importance.png")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a model without an example of its input
                logged = mlflow.lightgbm.log_model(
                    learned.trees, name="ranker", pip_requirements=["lightgbm"]
                )
        try:
            client.get_registered_model(MODEL)
        except MlflowException:
            client.create_registered_model(MODEL, description="What a customer buys next.")
        made = client.create_model_version(MODEL, logged.model_uri, run.info.run_id)
        client.set_registered_model_alias(MODEL, CHAMPION, made.version)
    return str(made.version)


def _importance(trees: Any, names: tuple[str, ...]) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    gain: Any = trees.feature_importance("gain")
    best = sorted(zip(gain.tolist(), names, strict=True), reverse=True)[:SHOWN][::-1]
    figure = Figure(figsize=(6.4, 6.4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.barh([name for _, name in best], [share / gain.sum() for share, _ in best], color="#1f7a8c")
    axes.set_title("What the trees add to the first guess")
    axes.set_xlabel("share of the gain")
    return figure
