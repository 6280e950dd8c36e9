"""Which model serves: versions side by side, the champion's alias moved with proof, and moved back.

A version is tried before anything changes: it must fit the catalog and score its example as in training. Then
the alias moves, and Redis gets the document, which API and stream pick up within seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import redis
from numpy.typing import NDArray

from ebbtide.errors import EbbtideError, ModelError
from models.churn.artefact import decode, digest
from models.churn.scorer import ChurnScorer
from models.evaluation.bootstrap import Gain, paired_gain
from models.evaluation.evaluate import Labels, Probabilities, evaluate
from models.registry import aliases, published
from models.registry.aliases import Move
from models.registry.registry import (
    CHALLENGER,
    CHAMPION,
    MODEL,
    Registry,
    aliased,
    document,
    publish,
    session,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

JUDGE = "log_loss"
"""The metric whose gain decides: it judges both the order and the probabilities."""
JUDGED = (JUDGE, "roc_auc")


@dataclass(frozen=True)
class Version:
    """One version in the registry. `made` in Unix seconds; `test_cutoff` as a date; horizon in days."""

    version: str
    aliases: tuple[str, ...]
    made: float
    catalog: str
    horizon: int
    test_cutoff: str
    metrics: dict[str, float]


@dataclass(frozen=True)
class Comparison:
    """Two models on the same rows: their metrics, and the challenger's gains (above 0 is better)."""

    rows: int
    churn_rate: float
    champion: dict[str, float]
    challenger: dict[str, float]
    gains: dict[str, Gain]

    @property
    def proven(self) -> bool:
        """Whether the challenger is better beyond chance: the whole interval of the gain is above 0."""
        return self.gains[JUDGE].low > 0.0


@dataclass(frozen=True)
class Order:
    """Who moves an alias, when (Unix seconds) and why."""

    at: float
    by: str
    why: str


def compare(
    churned: Labels, champion: Probabilities, challenger: Probabilities, customers: NDArray[Any]
) -> Comparison:
    """Compare two models' probabilities for the same rows, all of shape (n,), customers resampled.

    Raises:
        ModelError: no rows, or all of one class.
    """
    return Comparison(
        rows=len(churned),
        churn_rate=float(np.mean(churned)) if len(churned) else 0.0,
        champion=evaluate(churned, champion),
        challenger=evaluate(churned, challenger),
        gains={name: paired_gain(churned, challenger, champion, customers, name) for name in JUDGED},
    )


def versions(registry: Registry) -> list[Version]:
    """Every version, the newest first; none before the first training.

    Raises:
        ModelError: MLflow cannot be read.
    """
    with session(registry) as client:
        found = client.search_model_versions(f"name='{MODEL}'")
        holders = _aliases(client) if found else {}
        made = [_version(client, each, holders) for each in found]
    return sorted(made, key=lambda each: int(each.version), reverse=True)


def named(registry: Registry, name: str) -> str:
    """Give the version that a name means: an alias, or the version itself.

    Raises:
        ModelError: there is none.
    """
    known = versions(registry)
    for each in known:
        if name == each.version or name in each.aliases:
            return each.version
    if not known:
        raise ModelError("models: expected a trained model, found none; run `ebbtide train`")
    if name in (CHAMPION, CHALLENGER):
        raise ModelError(f"models: expected a {name}, found none; `ebbtide train` makes a new version one")
    listed = ", ".join(each.version for each in known)
    raise ModelError(
        f"models: expected a version ({listed}), champion or challenger, found {name!r}; "
        "see `ebbtide models list`"
    )


def usable(registry: Registry, version: str) -> ChurnScorer:
    """Read a version and try it, as the API does before it serves with it.

    Raises:
        ModelError: it is damaged, made for other signals, or scores otherwise than in training.
    """
    raw = document(registry, version)
    return ChurnScorer(f"{version}-{digest(raw)[:8]}", decode(raw))


def promote(registry: Registry, client: redis.Redis, version: str, order: Order) -> str:
    """Make a version the champion, in MLflow and in Redis; give its version there.

    A champion of MLflow's that Redis has not, since its alias was moved on MLflow's page, is put there.
    Whatever goes wrong, the champion before stays, in both.

    Raises:
        ModelError: the version cannot be used, is the champion already, or MLflow cannot be written.
        StoreError: Redis cannot be written.
    """
    usable(registry, version)
    with session(registry) as tracking:
        aliases.notice(tracking, MODEL, order.at)
        before = aliased(tracking, CHAMPION)
        if before == version:
            return _published(registry, client, version)
        tracking.set_registered_model_alias(MODEL, CHAMPION, version)
        try:
            serving = publish(registry, client)
        except EbbtideError:
            _put_back(tracking, before)
            raise
        moved = Move(order.at, CHAMPION, version, before, order.by, order.why)
        aliases.record(tracking, MODEL, moved)
        if aliased(tracking, CHALLENGER) == version:
            tracking.delete_registered_model_alias(MODEL, CHALLENGER)
    return str(serving)


def rollback(registry: Registry, client: redis.Redis, order: Order, to: str | None = None) -> str:
    """Make the champion before the present one champion again, or the version `to`; as `promote`.

    Raises:
        ModelError: there was none before, or as in `promote`.
        StoreError: as in `promote`.
    """
    version = to or aliases.before(history(registry, order.at), CHAMPION)
    if version is None:
        raise ModelError(
            "models: expected a champion before the present one, found none in the history; "
            "name one with --to VERSION"
        )
    return promote(registry, client, version, order)


def history(registry: Registry, now: float) -> list[Move]:
    """Every move of an alias, oldest first; none before the first training.

    One made past Ebbtide is found now, at `now` (Unix seconds), and kept.

    Raises:
        ModelError: MLflow cannot be read.
    """
    with session(registry) as client:
        if not client.search_registered_models(f"name='{MODEL}'"):
            return []
        aliases.notice(client, MODEL, now)
        return aliases.moves(client, MODEL)


def _published(registry: Registry, client: redis.Redis, version: str) -> str:
    """Put MLflow's champion into Redis, unless it serves already."""
    try:
        serving = published.read(client, published.KEY)
    except ModelError:  # damaged: it is written anew
        serving = None
    if serving is not None and serving.version.split("-")[0] == version:
        raise ModelError(f"models: version {version} is the champion already; nothing was changed")
    return str(publish(registry, client))


def _put_back(client: "MlflowClient", version: str | None) -> None:
    if version is None:
        client.delete_registered_model_alias(MODEL, CHAMPION)
    else:
        client.set_registered_model_alias(MODEL, CHAMPION, version)


def _aliases(client: "MlflowClient") -> dict[str, tuple[str, ...]]:
    """The aliases of each version."""
    found: Mapping[str, Any] = client.get_registered_model(MODEL).aliases
    return {
        str(version): tuple(sorted(name for name, holder in found.items() if holder == version))
        for version in found.values()
    }


def _version(client: "MlflowClient", found: Any, holders: Mapping[str, tuple[str, ...]]) -> Version:
    run = client.get_run(found.run_id)
    return Version(
        version=str(found.version),
        aliases=holders.get(str(found.version), ()),
        made=found.creation_timestamp / 1000.0,
        catalog=found.tags.get("catalog", ""),
        horizon=int(found.tags.get("horizon", 0)),
        test_cutoff=max(run.data.params.get("test_cutoffs", "").split(", ")),
        metrics=dict(run.data.metrics),
    )
