"""Train on the past: point-in-time rows, the churn model, MLflow, the champion, the recommendations."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from redis import Redis

from ebbtide.jobs import history
from ebbtide.jobs.apply import apply
from ebbtide.jobs.progress import Progress
from ebbtide.jobs.recommend import Recommended, recommend
from ebbtide.settings import Settings
from features.catalog import NAMES, VERSION
from features.history import History
from features.rebuild import Span

if TYPE_CHECKING:
    import pandas as pd

    from models.churn.churn import Plan
    from models.churn.cutoffs import Cutoffs
    from models.churn.tuning import Trial
    from models.value.value import Value

SEED = 7


@dataclass(frozen=True)
class TrainResult:
    """What a training gave: the model's version and alias, its metrics on the later cut-off, the rows used.

    `serving` is the version in Redis that answers now: this one only if its alias is `champion`.
    """

    version: str
    alias: str
    serving: str | None
    churned: str
    horizon: int
    horizons: tuple[int, ...]
    active: int
    train_cutoffs: tuple[str, ...]
    test_cutoff: str
    train_rows: int
    test_rows: int
    churn_rate: float
    metrics: dict[str, float]
    trials: int
    recommended: Recommended


@dataclass(frozen=True)
class Rows:
    """Rows to train on, and later ones to test on; labels of the first do not look past the second."""

    cutoffs: "Cutoffs"
    train: "pd.DataFrame"
    test: "pd.DataFrame"


def train(
    settings: Settings,
    client: Redis,
    redis_url: str,
    *,
    horizon: int,
    active: int,
    churned: str = "silence",
    tune: float | None = None,
    quick: bool = False,
    progress: Progress,
) -> TrainResult:
    """Train, evaluate on a later cut-off, log to MLflow and publish the champion.

    With `tune`, parameters are first searched for so many seconds. The first model is the champion; a later
    one is the challenger, until `ebbtide models promote`. `quick` is that of `recommend`.

    Raises:
        ModelError: no events, too short a time of them, or too few customers; the running champion stays.
    """
    from models.churn import churn
    from models.churn.artefact import Churned
    from models.evaluation import plots, quality
    from models.registry import registry, runs
    from models.value import value

    plan = churn.Plan(main=horizon, active=active, churned=Churned(churned), seed=SEED)
    with history.opened(settings, progress) as (past, span):
        rows = rows_of(settings, redis_url, past, span, plan, progress)
        worth = _value(past, progress)
    trials = [] if tune is None else _trials(rows, plan, tune, progress)
    if trials:
        plan = replace(plan, params=trials[0].params)
    with progress("Churn model (LightGBM)", total=len(plan.days)) as advance:
        model = churn.train(rows.train, NAMES, VERSION, plan, tell=lambda _: advance(1))
        metrics = quality.metrics(model, rows.test)
    with progress("Experiment (MLflow)"):
        target = registry.Registry(settings.mlflow_uri, settings.mlflow_artifacts)
        figures = plots.figures(model, rows.train, rows.test)
        source = str(settings.events)
        training = runs.Training(model, rows.train, rows.test, metrics, figures, source, trials, worth)
        registered = runs.log_training(target, training)
        serving = registry.publish(target, client)
    if worth is not None:
        value.publish(worth, client, registered.version)
    recommended = recommend(settings, client, quick=quick, progress=progress)
    return TrainResult(
        version=registered.version,
        alias=registered.alias,
        serving=serving,
        churned=churned,
        horizon=horizon,
        horizons=model.artefact.days,
        active=active,
        train_cutoffs=tuple(f"{cut:%Y-%m-%d}" for cut in rows.cutoffs.train),
        test_cutoff=f"{rows.cutoffs.test:%Y-%m-%d}",
        train_rows=len(rows.train),
        test_rows=len(rows.test),
        churn_rate=float(rows.test[churn.label(horizon)].mean()),
        metrics=metrics,
        trials=len(trials),
        recommended=recommended,
    )


def rows_of(
    settings: Settings, redis_url: str, past: History, span: Span, plan: "Plan", progress: Progress
) -> Rows:
    """Read the rows to train and to test on from the history.

    Raises:
        ModelError: too short a history, or nobody who could leave.
    """
    from models.churn.artefact import Churned
    from models.churn.churn import MOST_ROWS
    from models.churn.cutoffs import cutoffs
    from models.churn.dataset import training_rows

    active = plan.active if plan.churned is Churned.SILENCE else 0
    cuts = cutoffs(span.first, span.last, horizon=plan.main, active=active)
    end = datetime.fromtimestamp(span.last, UTC)
    history.include(past, _moments(cuts, end, plan, span), progress)
    with progress("Training rows (Feast, point in time)") as advance:
        store = apply(settings, redis_url)

        def read(moments: tuple[datetime, ...], until: datetime, most: int | None) -> "pd.DataFrame":
            return training_rows(store, past, moments, plan, until=until, most=most, advance=advance)

        earlier, later = read(cuts.train, cuts.test, MOST_ROWS), read((cuts.test,), end, None)
    return Rows(cuts, earlier, later)


def _moments(cuts: "Cutoffs", end: datetime, plan: "Plan", span: Span) -> Iterator[float]:
    """All at which this training will read the history: one replay serves them all."""
    from models.churn.labels import moments
    from models.value.value_training import stretches

    yield from moments(cuts.train, plan, until=cuts.test)
    yield from moments((cuts.test,), plan, until=end)
    for stretch in islice(stretches(span.first, span.last), 1):  # as a rule the first one will do
        yield from stretch.moments


def _trials(rows: Rows, plan: "Plan", seconds: float, progress: Progress) -> "list[Trial]":
    """Search parameters; the best trial comes first."""
    from models.churn.tuning import tune

    with progress("Parameters (Optuna)", total=round(seconds)) as advance:
        return tune(rows.train, NAMES, plan, seconds=seconds, advance=advance)


def _value(past: History, progress: Progress) -> "Value | None":
    """Fit what customers are worth, if the events are of a time long enough to learn it."""
    from models.value import value_training

    with progress("Customer value"):
        return value_training.fit(past, seed=SEED)
