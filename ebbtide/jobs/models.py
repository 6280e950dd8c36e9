"""The models' lives: side by side on time that neither has seen, promoted with proof, rolled back."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from redis import Redis

from ebbtide.errors import ModelError
from ebbtide.jobs import history
from ebbtide.jobs.apply import apply
from ebbtide.jobs.progress import Progress
from ebbtide.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

    from models.churn.artefact import Artefact
    from models.registry.promotion import Comparison, Order, Version
    from models.registry.registry import Registry


@dataclass(frozen=True)
class Compared:
    """Two versions on the same customers at the same cut-off, later than the training of both."""

    champion: str
    challenger: str
    cutoff: str
    horizon: int
    comparison: "Comparison"

    def public(self) -> dict[str, Any]:
        """What `--json` prints."""
        found = self.comparison
        return {
            "champion": {"version": self.champion, "metrics": found.champion},
            "challenger": {"version": self.challenger, "metrics": found.challenger},
            "cutoff": self.cutoff,
            "horizon": self.horizon,
            "rows": found.rows,
            "churn_rate": found.churn_rate,
            "gains": {name: gain._asdict() for name, gain in found.gains.items()},
            "proven": found.proven,
        }


@dataclass(frozen=True)
class Promoted:
    """Which version is the champion now, its version in Redis, and what spoke for it, unless forced.

    `horizon` are the days of its risk, `horizon_before` those of the champion before, if there was one.
    """

    version: str
    published: str
    horizon: int
    horizon_before: int | None
    compared: Compared | None = None

    def public(self) -> dict[str, Any]:
        """What `--json` prints."""
        compared = None if self.compared is None else self.compared.public()
        return vars(self) | {"compared": compared}

    @property
    def told(self) -> str:
        """The same in words."""
        told = f"champion: version {self.version}, in Redis as {self.published}"
        if self.horizon_before in (None, self.horizon):
            return told
        return (
            f"{told}\nits risk is of {self.horizon} days, that of the champion before was of "
            f"{self.horizon_before}: mind EBBTIDE_RISK_THRESHOLD, and conditions on `churn`"
        )


def registry(settings: Settings) -> "Registry":
    """Where MLflow keeps this working folder's models."""
    from models.registry.registry import Registry

    return Registry(settings.mlflow_uri, settings.mlflow_artifacts)


def compare(
    settings: Settings, redis_url: str, champion: str, challenger: str, progress: Progress
) -> Compared:
    """Compare two versions, or aliases, on the test rows of the newer training, rebuilt from the history.

    Raises:
        ModelError: there is no such version, one has not the other's horizon, or there are no events.
    """
    from models.churn.churn import label
    from models.registry import promotion

    target = registry(settings)
    ours, theirs = (promotion.named(target, name) for name in (challenger, champion))
    with progress("Models (MLflow)"):
        known = {each.version: each for each in promotion.versions(target)}
        scorers = [promotion.usable(target, version) for version in (theirs, ours)]
    newer = max((theirs, ours), key=lambda version: (known[version].test_cutoff, int(version)))
    judged = scorers[(theirs, ours).index(newer)].artefact
    for scorer in scorers:
        _check_label(judged, scorer.artefact, scorer.version)
    rows = _test_rows(settings, redis_url, judged, known[newer], progress)
    matrix = rows[list(judged.names)].to_numpy(np.float64)
    before, after = (
        scorer.curve.predict_many(matrix)[:, scorer.days.index(judged.main)] for scorer in scorers
    )
    with progress("Comparison (customers drawn anew)"):
        churned, customers = rows[label(judged.main)].to_numpy() == 1.0, rows["customer_id"].to_numpy()
        found = promotion.compare(churned, before, after, customers)
    return Compared(theirs, ours, known[newer].test_cutoff, judged.main, found)


def promote(
    settings: Settings,
    client: Redis,
    redis_url: str,
    name: str,
    order: "Order",
    *,
    force: bool,
    progress: Progress,
) -> Promoted:
    """Make a version the champion if it is better than the present one beyond chance, or if forced.

    Raises:
        ModelError: not proven better (with the figures), or the version cannot be used; nothing is changed.
        StoreError: Redis cannot be written; nothing is changed.
    """
    from models.registry import promotion
    from models.registry.registry import CHAMPION

    target = registry(settings)
    version = promotion.named(target, name)
    compared = None
    known = promotion.versions(target)
    if _reigning(known) not in (None, version) and not force:
        compared = compare(settings, redis_url, CHAMPION, version, progress)
        if not compared.comparison.proven:
            raise ModelError(_refusal(compared))
    return _promoted(known, promotion.promote(target, client, version, order), compared)


def rollback(settings: Settings, client: Redis, order: "Order", to: str | None) -> Promoted:
    """Make an earlier champion champion again: `to`, or the one before the present one.

    Raises:
        ModelError: there is none, or it cannot be used; nothing is changed.
        StoreError: Redis cannot be written; nothing is changed.
    """
    from models.registry import promotion

    target = registry(settings)
    version = None if to is None else promotion.named(target, to)
    known = promotion.versions(target)
    return _promoted(known, promotion.rollback(target, client, order, to=version))


def _reigning(known: "list[Version]") -> str | None:
    from models.registry.registry import CHAMPION

    return next((each.version for each in known if CHAMPION in each.aliases), None)


def _promoted(known: "list[Version]", published: str, compared: Compared | None = None) -> Promoted:
    """What to tell of a promotion; `known` are the versions as they were before it."""
    horizons = {each.version: each.horizon for each in known}
    version, before = published.split("-")[0], _reigning(known)
    return Promoted(
        version, published, horizons[version], None if before is None else horizons[before], compared
    )


def _check_label(judged: "Artefact", artefact: "Artefact", version: str) -> None:
    if artefact.churned is not judged.churned or judged.main not in artefact.days:
        raise ModelError(
            f"models: expected {version} to know churn by {judged.churned} within {judged.main} days, found "
            f"{artefact.churned} within {', '.join(map(str, artefact.days))} days; "
            "compare models of one label, or promote with --force --reason"
        )


def _test_rows(
    settings: Settings, redis_url: str, judged: "Artefact", newer: "Version", progress: Progress
) -> "pd.DataFrame":
    """The rows on which the newer version was tested, as training built them."""
    from models.churn.churn import Plan
    from models.churn.dataset import training_rows
    from models.churn.labels import moments

    if not newer.test_cutoff:
        raise ModelError(
            f"models: expected the test cut-off of version {newer.version}, found none; "
            "train again with `ebbtide train`"
        )
    cutoff = datetime.fromisoformat(newer.test_cutoff).replace(tzinfo=UTC)
    plan = Plan(main=judged.main, active=judged.active, churned=judged.churned, horizons=())
    with history.opened(settings, progress) as (past, span):
        end = datetime.fromtimestamp(span.last, UTC)
        history.include(past, moments((cutoff,), plan, until=end), progress)
        with progress("Test rows (Feast, point in time)") as advance:
            store = apply(settings, redis_url)
            return training_rows(store, past, (cutoff,), plan, until=end, advance=advance)


def _refusal(compared: Compared) -> str:
    found = compared.comparison
    judge = found.gains["log_loss"]
    auc = found.gains["roc_auc"]
    return (
        f"models: version {compared.challenger} was not promoted: expected its gain in log loss over version "
        f"{compared.champion} to be above 0 beyond chance, found {judge.gain:+.4f} (95% {judge.low:+.4f} to "
        f"{judge.high:+.4f}) on {found.rows:,} customers at {compared.cutoff} (gain in AUC {auc.gain:+.4f}, "
        f"{auc.low:+.4f} to {auc.high:+.4f}); to promote it all the same: --force --reason TEXT"
    )
