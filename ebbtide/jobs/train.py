"""Train on the history: point-in-time rows, the churn model, MLflow, the champion, the recommendations."""

from collections.abc import Iterator
from dataclasses import dataclass

from redis import Redis

from ebbtide.domain.event import Event, EventError, decode
from ebbtide.errors import ModelError
from ebbtide.jobs.apply import apply
from ebbtide.jobs.progress import Progress
from ebbtide.logs.archive import read
from ebbtide.settings import Settings
from features import history
from features.catalog import NAMES, VERSION

SEED = 7


@dataclass(frozen=True)
class TrainResult:
    """What a training gave: the version of the champion, its metrics on the later cut-off, the rows used."""

    version: str
    horizon: int
    active: int
    train_cutoffs: tuple[str, ...]
    test_cutoff: str
    train_rows: int
    test_rows: int
    churn_rate: float
    metrics: dict[str, float]
    items: int


def train(
    settings: Settings,
    client: Redis,
    redis_url: str,
    *,
    horizon: int,
    active: int,
    progress: Progress,
) -> TrainResult:
    """Train, evaluate on a later cut-off, log to MLflow and publish the champion.

    Raises:
        ModelError: no history, one too short, or too few customers; the running champion stays.
    """
    from models import churn, dataset, evaluate, plots, registry

    span = history.span(settings.history)
    if span is None:
        raise ModelError("no history to train on: import a log (ebbtide import FILE), or let the stream run")
    cuts = dataset.cutoffs(*span, horizon=horizon)
    with progress("Training rows (Feast, point in time)"):
        store = apply(settings, redis_url)
        customers = history.customers(settings.history)
        rows = dataset.training_rows(store, customers, cuts.every, horizon=horizon, active=active)
    past, later = rows[rows["cutoff"] != cuts.test], rows[rows["cutoff"] == cuts.test]
    with progress("Churn model (LightGBM)"):
        model = churn.train(past, NAMES, horizon=horizon, active=active, seed=SEED)
        probability, churned = model.predict(later), later["churned"].to_numpy()
        metrics = evaluate.evaluate(churned, probability)
    with progress("Experiment (MLflow)"):
        target = registry.Registry(settings.mlflow_uri, settings.mlflow_artifacts)
        figures = plots.figures(churned, probability, model.importance, f"cut-off {cuts.test:%Y-%m-%d}")
        source = str(settings.history)
        registry.log_training(
            target, registry.Training(model, past, later, metrics, figures, VERSION, source)
        )
        version = registry.publish(target, client)
    with progress("Recommendations"):
        items = _recommendations(settings, client)
    return TrainResult(
        version=str(version),
        horizon=horizon,
        active=active,
        train_cutoffs=tuple(f"{cut:%Y-%m-%d}" for cut in cuts.train),
        test_cutoff=f"{cuts.test:%Y-%m-%d}",
        train_rows=len(past),
        test_rows=len(later),
        churn_rate=float(churned.mean()),
        metrics=metrics,
        items=items,
    )


def _recommendations(settings: Settings, client: Redis) -> int:
    """Fit and publish what is bought together; returns the number of items."""
    from models import recommendations

    table = recommendations.fit(_orders(settings))
    recommendations.publish(table, client)
    return len(table.items)


def _orders(settings: Settings) -> Iterator[Event]:
    """Every order in the archive: imported ones, and live ones that the flow has taken."""
    if not settings.events.exists():
        return
    for raw in read([settings.events]):
        try:
            event = decode(raw)
        except EventError:  # the stream has kept it as rejected
            continue
        if event.name == "Order Completed":
            yield event
