"""A look at drift: today's customers against those trained on, and what was said against what came."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from redis import Redis

from ebbtide.errors import ModelError
from ebbtide.jobs import history
from ebbtide.jobs.apply import apply
from ebbtide.jobs.progress import Advance, Progress
from ebbtide.settings import Settings
from features.catalog import NAMES
from features.history import History
from features.profile import vectors
from features.rebuild import Span
from features.store.online import OnlineStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.churn.artefact import Artefact
    from models.churn.churn import Plan
    from models.drift.drift import Calibration, Population
    from models.registry.registry import Registry

SAMPLE = 5_000
"""Customers looked at: enough to tell shares of a tenth to a hundredth."""
STEP = timedelta(days=7)
MOST_CUTOFFS = 13


@dataclass(frozen=True)
class Monitoring:
    """What was found. `version` as in Redis; `trained_rows` and `rows` count customers then and now.

    `stability` is the index of each signal, least stable first; `online` the measures of the online model;
    `run` the MLflow run that keeps it all.
    """

    version: str
    at: str
    horizon: int
    trained_rows: int
    rows: int
    stability: dict[str, float]
    calibration: list["Calibration"]
    online: dict[str, float]
    run: str = ""

    def shifted(self) -> list[str]:
        """The signals whose spread is another now."""
        from models.drift.drift import SHIFTED

        return [name for name, index in self.stability.items() if index >= SHIFTED]

    def sentences(self) -> list[str]:
        """Sum it up for a reader."""
        shifted = self.shifted()
        first = f", first of all {', '.join(shifted[:5])}" if shifted else ""
        said = [f"{len(shifted)} of {len(self.stability)} signals have shifted{first}."]
        if self.calibration:
            last = self.calibration[-1]
            verdict = "beyond chance" if last.off else "within chance"
            said.append(
                f"Of the customers at {last.cutoff} the model said that {last.said:.1%} would churn within "
                f"{self.horizon} days; {last.seen:.1%} did: {verdict}."
            )
        if self.online.get("labels"):
            said.append(
                f"Log loss in the stream: {self.online['batch_log_loss']:.4f} as said, "
                f"{self.online['online_log_loss']:.4f} corrected online, over {self.online['labels']:,.0f} "
                f"labels; drift told {self.online.get('drifts', 0):.0f} times."
            )
        return said

    def public(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "version": self.version,
            "at": self.at,
            "horizon": self.horizon,
            "trained_rows": self.trained_rows,
            "rows": self.rows,
            "shifted": self.shifted(),
            "stability": self.stability,
            "calibration": [each._asdict() | {"off": each.off} for each in self.calibration],
            "online": self.online,
            "run": self.run,
        }

    def metrics(self) -> dict[str, float]:
        """What MLflow keeps."""
        found = {f"psi_{name}": index for name, index in self.stability.items()}
        found |= {"psi_max": max(self.stability.values(), default=0.0), "shifted": float(len(self.shifted()))}
        if self.calibration:
            last = self.calibration[-1]
            found |= {"said": last.said, "seen": last.seen, "log_loss": last.log_loss}
        return found | {f"stream_{name}": value for name, value in self.online.items()}


def monitor(
    settings: Settings, client: Redis, redis_url: str, *, now: float, progress: Progress, sample: int = SAMPLE
) -> tuple[Monitoring, str]:
    """Look at the champion's drift at `now` (Unix seconds); gives what was found, and the page about it.

    Raises:
        ModelError: there is no champion, no event, or nobody to look at.
        StoreError: Redis does not answer.
    """
    from dataclasses import replace

    from models.churn import scorer
    from models.drift import drift, drift_page, monitoring
    from models.registry.registry import Registry
    from streaming.learner import saved

    champion = scorer.load(client)
    if champion is None:
        raise ModelError("monitor: expected a champion, found none; run `ebbtide train`")
    target = Registry(settings.mlflow_uri, settings.mlflow_artifacts)
    version = champion.version.split("-")[0]
    with progress("Today's customers") as advance:
        today = _today(client, champion.artefact, now, sample, advance)
    with history.opened(settings, progress) as (past, span):
        look = _Look(settings, redis_url, past, span, target, version, champion.artefact, progress)
        trained, calibration = look.population(), look.calibration()
    learned = saved(client)
    day = datetime.fromtimestamp(now, UTC).date().isoformat()
    found = Monitoring(
        version=champion.version,
        at=day,
        horizon=champion.horizon,
        trained_rows=trained.rows,
        rows=len(today),
        stability=drift.stability(trained, today, NAMES),
        calibration=calibration,
        online={} if learned is None else learned.metrics,
    )
    page = drift_page.page(
        f"Monitoring of {champion.version}",
        f"{day}, {found.rows:,} customers now against {found.trained_rows:,} rows of the training",
        found.sentences(),
        found.stability,
        found.calibration,
        found.online,
    )
    with progress("Experiment (MLflow)"):
        run = monitoring.log_monitoring(target, version, day, found.metrics(), page)
    return replace(found, run=run), page


@dataclass(frozen=True)
class _Look:
    """What the history and MLflow tell of a version."""

    settings: Settings
    redis_url: str
    past: History
    span: Span
    registry: "Registry"
    version: str
    artefact: "Artefact"
    progress: Progress

    def population(self) -> "Population":
        """The spread of the signals trained on: as kept, or from the history if it was not kept."""
        from models.drift import drift, monitoring

        kept = monitoring.trained_population(self.registry, self.version)
        if kept is not None:
            return kept
        dates, test = monitoring.training_cutoffs(self.registry, self.version)
        cutoffs, until = [_midnight(date) for date in dates], _midnight(test)
        self._include(cutoffs, until)
        with self.progress("Training rows (Feast, point in time)") as advance:
            matrix, _ = self._rows(cutoffs, until, advance)
        return drift.population(drift.describe(matrix, NAMES))

    def calibration(self) -> "list[Calibration]":
        """What was said and came, at cut-offs since the training whose horizon has passed."""
        from models.churn.curve import ChurnCurve
        from models.drift import drift, monitoring

        end = datetime.fromtimestamp(self.span.last, UTC)
        first = _midnight(monitoring.training_cutoffs(self.registry, self.version)[1])
        last = end - timedelta(days=self.artefact.main)
        cutoffs = [first + n * STEP for n in range((last - first) // STEP + 1)][-MOST_CUTOFFS:]
        curve, found = ChurnCurve(self.artefact), []
        place = curve.days.index(self.artefact.main)
        self._include(cutoffs, end)
        with self.progress("Labels that came due (Feast, point in time)") as advance:
            for cutoff in cutoffs:
                matrix, churned = self._rows([cutoff], end, advance)
                said = curve.predict_many(matrix)[:, place]
                found.append(drift.calibration(f"{cutoff:%Y-%m-%d}", churned, said))
        return found

    def _rows(
        self, cutoffs: list[datetime], until: datetime, advance: Advance
    ) -> "tuple[NDArray[np.float64], NDArray[np.bool_]]":
        from models.churn.churn import MOST_ROWS, label
        from models.churn.dataset import training_rows

        store, plan = apply(self.settings, self.redis_url), self._plan()
        rows = training_rows(store, self.past, cutoffs, plan, until=until, most=MOST_ROWS, advance=advance)
        return rows[list(NAMES)].to_numpy(np.float64), rows[label(plan.main)].to_numpy() == 1.0

    def _include(self, cutoffs: list[datetime], until: datetime) -> None:
        from models.churn.labels import moments

        history.include(self.past, moments(cutoffs, self._plan(), until=until), self.progress)

    def _plan(self) -> "Plan":
        from models.churn.churn import Plan

        model = self.artefact
        return Plan(main=model.main, active=model.active, churned=model.churned, horizons=())


def _today(
    client: Redis, artefact: "Artefact", now: float, sample: int, advance: Advance
) -> "NDArray[np.float64]":
    """The signals of customers like those trained on, as they are at `now`: `sample` of them at most."""
    store = OnlineStore(client)
    found: list[list[float]] = []
    for chunk in store.customers():
        states = [state for state in store.read_many(chunk) if state is not None]
        kept = [each for each in vectors(states, now) if _could_leave(each, artefact)][: sample - len(found)]
        advance(len(kept))
        found += kept
        if len(found) >= sample:
            break
    if not found:
        raise ModelError(
            f"monitor: expected customers with {_wanted(artefact)}, found none; "
            "import a log, or let the stream run"
        )
    return np.array(found)


def _could_leave(values: list[float], artefact: "Artefact") -> bool:
    from models.churn.artefact import Churned
    from models.churn.population import could_cancel

    if artefact.churned is Churned.CANCEL:
        return could_cancel(values)
    return values[_RECENCY] <= artefact.active


def _wanted(artefact: "Artefact") -> str:
    from models.churn.artefact import Churned

    if artefact.churned is Churned.CANCEL:
        return "a running subscription that they have not asked to end"
    return f"an order in the last {artefact.active} days"


def _midnight(date: str) -> datetime:
    return datetime.fromisoformat(date).replace(tzinfo=UTC)


_RECENCY = NAMES.index("recency_days")
