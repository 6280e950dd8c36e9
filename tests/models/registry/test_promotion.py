"""Which version serves: real MLflow, real Redis, one model that learned and one that was taught nonsense."""

import msgspec
import numpy as np
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ebbtide.errors import ModelError, StoreError
from features.catalog import NAMES, VERSION
from models.churn.churn import label, train
from models.churn.scorer import ModelWatcher, load
from models.registry import promotion
from models.registry.promotion import Order
from models.registry.registry import CHALLENGER, CHAMPION, MODEL, Registry, aliased, publish, session
from models.registry.runs import Training, log_training
from tests.models.conftest import PLAN

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")

ANN = Order(at=2_000_000_000.0, by="ann", why="better on the new shop")
LATER = 2_000_000_300.0


@pytest.fixture(scope="module")
def weak(frame):
    """A model of labels dealt out at random."""
    dealt = frame.copy()
    order = np.random.default_rng(1).permutation(len(frame))
    for days in PLAN.days:
        dealt[label(days)] = frame[label(days)].to_numpy()[order]
    return train(dealt, NAMES, VERSION, PLAN)


@pytest.fixture(scope="module")
def template(tmp_path_factory, frame, later, weak, trained):
    """A registry with the weak model as champion, and the good one as challenger."""
    home = tmp_path_factory.mktemp("registry")
    registry = Registry(f"sqlite:///{home}/mlflow.db", home / "mlartifacts")
    for model in (weak, trained):
        log_training(registry, Training(model, frame, later, {}, {}, str(home)))
    return registry


@pytest.fixture
def registry(template, tmp_path):
    """The same as each test finds it: a copy of the database."""
    path = tmp_path / "mlflow.db"
    path.write_bytes((template.artifacts.parent / "mlflow.db").read_bytes())
    return Registry(f"sqlite:///{path}", template.artifacts)


def holder(registry, alias):
    import mlflow

    return aliased(mlflow.MlflowClient(registry.tracking_uri, registry.tracking_uri), alias)


def damage(registry, trained, frame, later):
    """Register a version that scores its example otherwise than it says; gives its number."""
    off = msgspec.structs.replace(trained.artefact, expected=tuple(0.5 for _ in trained.artefact.expected))
    model = type(trained)(off, trained.chosen, {}, {}, {})
    return log_training(registry, Training(model, frame, later, {}, {}, "nowhere")).version


def test_versions_are_listed_newest_first_with_alias_and_cutoff(registry, later):
    newest, oldest = promotion.versions(registry)
    assert (newest.version, newest.aliases) == ("2", (CHALLENGER,))
    assert (oldest.version, oldest.aliases) == ("1", (CHAMPION,))
    assert newest.test_cutoff == f"{later['cutoff'].iloc[0]:%Y-%m-%d}"
    assert (newest.catalog, newest.horizon) == (VERSION, 60)


def test_a_name_is_an_alias_or_a_version(registry):
    assert promotion.named(registry, CHAMPION) == "1"
    assert promotion.named(registry, "2") == "2"
    with pytest.raises(ModelError, match=r"expected a version \(2, 1\), champion or challenger, found '9'"):
        promotion.named(registry, "9")


def test_a_model_that_learned_is_proven_better_than_one_that_did_not(weak, trained, later):
    churned, customers = later[label(60)].to_numpy() == 1.0, later["customer_id"].to_numpy()
    found = promotion.compare(churned, weak.predict(later), trained.predict(later), customers)
    assert found.proven
    assert found.gains["roc_auc"].low > 0.1
    assert found.gains["log_loss"].gain == pytest.approx(
        found.champion["log_loss"] - found.challenger["log_loss"]
    )
    assert not promotion.compare(churned, trained.predict(later), weak.predict(later), customers).proven


def test_a_model_is_not_proven_better_than_itself(trained, later):
    churned, said = later[label(60)].to_numpy() == 1.0, trained.predict(later)
    assert not promotion.compare(churned, said, said, later["customer_id"].to_numpy()).proven


def test_promotion_moves_the_alias_and_whoever_serves_takes_it_up(registry, redis):
    publish(registry, redis)
    watcher = ModelWatcher(redis)
    before = watcher.refresh(0.0)
    published = promotion.promote(registry, redis, "2", ANN)
    assert (before.version.split("-")[0], watcher.refresh(2.0).version) == ("1", published)
    assert published.startswith("2-")
    assert (holder(registry, CHAMPION), holder(registry, CHALLENGER)) == ("2", None)


def test_the_history_tells_when_by_whom_and_why(registry, redis):
    promotion.promote(registry, redis, "2", ANN)
    promotion.rollback(registry, redis, Order(2_000_000_060.0, "bob", "too many alerts"))
    first, challenged, promoted, back = promotion.history(
        Registry(registry.tracking_uri, registry.artifacts), LATER
    )
    assert (first.alias, first.version, first.before, first.by) == (CHAMPION, "1", None, "ebbtide train")
    assert (challenged.alias, challenged.version) == (CHALLENGER, "2")
    assert (promoted.at, promoted.version, promoted.before) == (ANN.at, "2", "1")
    assert (promoted.by, promoted.why) == ("ann", "better on the new shop")
    assert (back.version, back.before, back.by, back.why) == ("1", "2", "bob", "too many alerts")


def test_rolling_back_gives_the_champion_before_and_then_there_is_none(registry, redis):
    promotion.promote(registry, redis, "2", ANN)
    assert promotion.rollback(registry, redis, ANN).startswith("1-")
    assert load(redis).version.startswith("1-")
    with pytest.raises(ModelError, match="expected a champion before the present one, found none"):
        promotion.rollback(registry, redis, ANN)
    assert promotion.rollback(registry, redis, ANN, to="2").startswith("2-")


def test_a_version_that_fails_its_warm_up_is_refused_and_the_champion_stays(
    registry, redis, trained, frame, later
):
    version = damage(registry, trained, frame, later)
    published = publish(registry, redis)
    with pytest.raises(ModelError, match="for its example"):
        promotion.promote(registry, redis, version, ANN)
    assert holder(registry, CHAMPION) == "1"
    assert load(redis).version == published
    assert all(
        moved.version != version for moved in promotion.history(registry, LATER) if moved.alias == CHAMPION
    )


def test_an_alias_moved_on_mlflows_page_is_found_once_and_can_be_rolled_back(registry, redis):
    import mlflow

    publish(registry, redis)
    tracking = mlflow.MlflowClient(registry.tracking_uri, registry.tracking_uri)
    tracking.set_registered_model_alias("ebbtide-churn", CHAMPION, "2")
    for _ in range(2):
        *_, found = promotion.history(registry, LATER)
        assert len(promotion.history(registry, LATER)) == 3
        assert (found.at, found.alias, found.version, found.before) == (LATER, CHAMPION, "2", "1")
        assert found.by == "outside Ebbtide"
    assert promotion.rollback(registry, redis, ANN).startswith("1-")


def test_a_champion_named_on_mlflows_page_is_brought_to_redis_by_promoting_it(registry, redis):
    import mlflow

    publish(registry, redis)
    tracking = mlflow.MlflowClient(registry.tracking_uri, registry.tracking_uri)
    tracking.set_registered_model_alias("ebbtide-churn", CHAMPION, "2")
    assert load(redis).version.startswith("1-")
    assert promotion.promote(registry, redis, "2", ANN) == load(redis).version
    assert load(redis).version.startswith("2-")
    assert [moved.version for moved in promotion.history(registry, LATER)] == ["1", "2", "2"]


def test_the_champion_is_not_promoted_again(registry, redis):
    publish(registry, redis)
    with pytest.raises(ModelError, match="version 1 is the champion already"):
        promotion.promote(registry, redis, "1", ANN)


def test_without_redis_the_alias_is_put_back(registry, tmp_path):
    away = Redis(unix_socket_path=str(tmp_path / "none.sock"), retry=Retry(NoBackoff(), 0))
    with pytest.raises(StoreError, match="expected to write a model"):
        promotion.promote(registry, away, "2", ANN)
    assert (holder(registry, CHAMPION), holder(registry, CHALLENGER)) == ("1", "2")
    assert len(promotion.history(registry, LATER)) == 2


def test_before_the_first_training_there_is_nothing_to_list(tmp_path):
    empty = Registry(f"sqlite:///{tmp_path}/mlflow.db", tmp_path)
    assert promotion.versions(empty) == []
    assert promotion.history(empty, LATER) == []
    with pytest.raises(ModelError, match="expected a trained model, found none; run `ebbtide train`"):
        promotion.named(empty, CHAMPION)


def test_where_there_is_no_challenger_it_is_told_how_one_is_made(registry):
    with session(registry) as client:
        client.delete_registered_model_alias(MODEL, CHALLENGER)
    with pytest.raises(ModelError, match="expected a challenger, found none; `ebbtide train` makes a new"):
        promotion.named(registry, CHALLENGER)
    with pytest.raises(ModelError, match=r"expected a version \(2, 1\), champion or challenger, found '9'"):
        promotion.named(registry, "9")


def test_the_training_keeps_how_its_signals_spread(registry, frame):
    from models.drift.drift import stability
    from models.drift.monitoring import trained_population, training_cutoffs

    kept = trained_population(registry, "1")
    assert kept is not None
    assert max(stability(kept, frame[list(NAMES)].to_numpy(float), NAMES).values()) < 1e-6
    assert len(training_cutoffs(registry, "1")[0]) == frame["cutoff"].nunique()
