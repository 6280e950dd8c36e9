"""Which response model serves: a new one only if decisions made with it bring more, beyond chance.

The model that the stream has learned has seen the whole log, so it cannot be judged on it. In its place one
that learned in the same way from the first half of the log is: on the second half, against the model in
force, by what decisions made with either would have brought (`models.actions.logged`). Only if the lower
bound of the gain lies above 0 does the learned model become the champion, in MLflow and in Redis.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import redis

from ebbtide.domain.action import Action
from ebbtide.errors import ModelError, StoreError
from features import catalog
from models.actions.action_learning import Outcome, ResponseLearner
from models.actions.actions import ActionCatalogue
from models.actions.logged import Logged, Row, Valued, effective
from models.actions.recorded import vector
from models.actions.response_watcher import publish
from models.actions.responses import ResponseModel, Responses, decode, encode
from models.registry import aliases
from models.registry.aliases import Move
from models.registry.promotion import Order
from models.registry.registry import CHAMPION, Registry, load_mlflow, session

if TYPE_CHECKING:
    from mlflow import MlflowClient

MODEL = EXPERIMENT = "ebbtide-responses"
DOCUMENT = "responses.json"
FEWEST = 500
"""Decisions with a known outcome that are needed, in both halves together."""


@dataclass(frozen=True)
class Compared:
    """Money per decision with the challenger and with the model in force (`incumbent`; None: the entries)."""

    incumbent: str | None
    learned_from: int
    judged_on: int
    effective_sample_size: float
    champion: Valued
    challenger: Valued
    gain: Valued

    @property
    def proven(self) -> bool:
        """Whether the challenger is better beyond chance."""
        return self.gain.low > 0.0


def compare(
    rows: Sequence[Row], policy: ActionCatalogue, incumbent: Responses | None, advance: Callable[[int], None]
) -> Compared:
    """Judge what is learned from the first half of a log on the second.

    Args:
        rows: logged decisions for customers who were not held out, in due order.
        policy: the one in force.
        incumbent: the model in force; None: there is none, and the entries say how customers respond.
        advance: told of each decision learned from or made again.

    Raises:
        ModelError: there are too few decisions.
    """
    if len(rows) < FEWEST:
        raise ModelError(
            f"response model: expected at least {FEWEST} decisions with a known outcome to judge it on, "
            f"found {len(rows)}; wait for more"
        )
    half = len(rows) // 2
    actions = {action.id: action for action in policy.actions}
    challenger = Responses(_learned(rows[:half], actions, advance))
    judged = rows[half:]
    named = dict.fromkeys([*actions, *(one.id for row in judged for one in row.receipt.candidates)])
    costs = {action.id: action.cost for action in policy.actions}
    logged = Logged(judged, list(named), costs)
    cost, expected = logged.log.cost, logged.expected()
    ours = logged.again(policy, lambda _: challenger, advance)
    theirs = logged.again(policy, lambda _: incumbent, advance)
    new, old = logged.values(ours, expected, cost), logged.values(theirs, expected, cost)
    before, after, gain = logged.valued(old, new, new - old)
    size = effective(logged.weight(ours))
    version = None if incumbent is None else incumbent.version
    return Compared(version, half, len(judged), size, before, after, gain)


def _learned(
    rows: Sequence[Row], actions: Mapping[str, Action], advance: Callable[[int], None]
) -> ResponseModel:
    learner = ResponseLearner(catalog.VERSION, catalog.NAMES)
    for row in rows:
        action = actions.get(row.outcome.action)
        if action is not None:
            learner.learn(Outcome(action, vector(row.receipt), row.outcome.responded, row.outcome.money))
        advance(1)
    return learner.document()


def promote(
    registry: Registry,
    client: redis.Redis,
    model: ResponseModel,
    order: Order,
    compared: Compared | None = None,
) -> str:
    """Register a model in MLflow, make it the champion, and put it in force; give its version in Redis.

    Raises:
        ModelError: MLflow cannot be written.
        StoreError: Redis cannot be written; the champion before stays.
    """
    with session(registry) as tracking:
        version = _registered(registry, tracking, model, order, compared)
    return _serve(registry, client, model, version, order)


def restore(registry: Registry, client: redis.Redis, version: str, order: Order) -> str:
    """Make an earlier version the champion again, and put it in force; give its version in Redis.

    Raises:
        ModelError: MLflow has no such version, or it is for other signals.
        StoreError: Redis cannot be written; the champion before stays.
    """
    mlflow = load_mlflow()
    with session(registry) as tracking:
        known = sorted(int(one.version) for one in tracking.search_model_versions(f"name='{MODEL}'"))
        if version not in map(str, known):
            listed = ", ".join(map(str, known)) or "none"
            raise ModelError(f"response model: expected a version ({listed}), found {version!r}")
        folder = mlflow.artifacts.download_artifacts(f"models:/{MODEL}/{version}")
        model = decode((Path(folder) / DOCUMENT).read_bytes())
    return _serve(registry, client, model, version, order)


def _registered(
    registry: Registry,
    tracking: "MlflowClient",
    model: ResponseModel,
    order: Order,
    compared: Compared | None,
) -> str:
    """Keep the document and what spoke for it as a run, and make a version of it."""
    import mlflow
    from mlflow.exceptions import MlflowException

    found = tracking.get_experiment_by_name(EXPERIMENT)
    place = registry.artifacts.absolute().as_uri()
    experiment = (
        found.experiment_id
        if found is not None
        else tracking.create_experiment(EXPERIMENT, artifact_location=place)
    )
    with mlflow.start_run(experiment_id=experiment, run_name="responses") as run:
        mlflow.log_params(_facts(model))
        mlflow.set_tags({"catalog": model.catalog, "by": order.by, "why": order.why})
        if compared is not None:
            mlflow.log_metrics(_metrics(compared))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / DOCUMENT
            path.write_bytes(encode(model))
            mlflow.log_artifact(str(path), "responses")
    try:
        tracking.get_registered_model(MODEL)
    except MlflowException:
        tracking.create_registered_model(MODEL, description="How customers respond to each action.")
    source = f"{run.info.artifact_uri}/responses"
    tags = {"catalog": model.catalog, "format": str(model.format)}
    return str(tracking.create_model_version(MODEL, source, run.info.run_id, tags=tags).version)


def _facts(model: ResponseModel) -> dict[str, int]:
    rows = {f"{kind}_outcomes": taught.shared.rows for kind, taught in model.kinds.items()}
    return rows | {"signals": len(model.names)}


def _metrics(compared: Compared) -> dict[str, float]:
    values = {"champion": compared.champion, "challenger": compared.challenger, "gain": compared.gain}
    ends = {
        f"{name}_{end}": getattr(one, end) for name, one in values.items() for end in ("value", "low", "high")
    }
    return ends | {
        "learned_from": float(compared.learned_from),
        "judged_on": float(compared.judged_on),
        "effective_sample_size": compared.effective_sample_size,
    }


def _serve(registry: Registry, client: redis.Redis, model: ResponseModel, version: str, order: Order) -> str:
    with session(registry) as tracking:
        before = _champion(tracking)
        tracking.set_registered_model_alias(MODEL, CHAMPION, version)
        try:
            published = publish(client, model, version)
        except StoreError:
            if before is None:
                tracking.delete_registered_model_alias(MODEL, CHAMPION)
            else:
                tracking.set_registered_model_alias(MODEL, CHAMPION, before)
            raise
        aliases.record(tracking, MODEL, Move(order.at, CHAMPION, version, before, order.by, order.why))
    return published


def _champion(tracking: "MlflowClient") -> str | None:
    """The version that is the champion; None if there is none yet."""
    from mlflow.exceptions import MlflowException

    try:
        return str(tracking.get_model_version_by_alias(MODEL, CHAMPION).version)
    except MlflowException:
        return None
