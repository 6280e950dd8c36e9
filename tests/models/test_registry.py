import logging

import numpy as np
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ebbtide.errors import ModelError, StoreError
from features.catalog import NAMES, VERSION
from models.evaluate import evaluate
from models.plots import figures
from models.published import KEY
from models.registry import CHAMPION, EXPERIMENT, MODEL, Registry, Training, log_training, publish
from models.scorer import ModelWatcher, load

# MLflow's own: it maps its tables by a way that SQLAlchemy has since deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    home = tmp_path_factory.mktemp("registry")
    return Registry(f"sqlite:///{home}/mlflow.db", home / "mlartifacts")


@pytest.fixture(scope="module")
def training(trained, frame, later, registry):
    churned, probability = later["churned"].to_numpy(), trained.predict(later)
    drawn = figures(churned, probability, trained.importance, "400 customers")
    metrics = evaluate(churned, probability)
    source = str(registry.artifacts.parent / "history")
    return Training(trained, frame, later, metrics, drawn, VERSION, source)


@pytest.fixture(scope="module")
def version(registry, training):
    return log_training(registry, training)


@pytest.fixture(scope="module")
def tracking(registry, version):
    import mlflow

    return mlflow.MlflowClient(registry.tracking_uri)


@pytest.fixture(scope="module")
def run(tracking, version):
    return tracking.get_run(tracking.get_model_version(MODEL, version).run_id)


def test_the_run_has_parameters_metrics_and_the_labels_definition(run, training, frame, later):
    assert run.info.status == "FINISHED"
    assert run.data.params["horizon"] == "60"
    assert run.data.params["rounds"] == str(training.model.rounds)
    assert run.data.params["test_cutoffs"] == f"{later['cutoff'].iloc[0]:%Y-%m-%d}"
    assert run.data.tags["label"].startswith("no order in the 60 days after the cut-off")
    assert run.data.tags["catalog"] == VERSION
    assert training.metrics.items() <= run.data.metrics.items()
    assert run.data.metrics["training_rows"] == len(frame)


def test_the_run_has_its_data_sets_with_their_digests(run):
    found = {each.dataset.name: each.dataset.digest for each in run.inputs.dataset_inputs}
    assert set(found) == {"churn-training", "churn-test"}
    assert len(set(found.values())) == 2


def test_the_run_has_its_plots(tracking, run, training):
    found = {each.path for each in tracking.list_artifacts(run.info.run_id, "plots")}
    assert found == {f"plots/{name}" for name in training.figures}


def test_the_model_is_registered_with_its_alias_and_catalog(tracking, version):
    champion = tracking.get_model_version_by_alias(MODEL, CHAMPION)
    assert (str(champion.version), champion.status) == (version, "READY")
    assert champion.tags["catalog"] == VERSION
    assert tracking.get_experiment_by_name(EXPERIMENT) is not None


def test_mlflows_own_reader_scores_a_frame_of_raw_signals(registry, version, trained, later, monkeypatch):
    import mlflow

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(registry.tracking_uri)
    try:
        model = mlflow.pyfunc.load_model(f"models:/{MODEL}@{CHAMPION}")
    finally:
        mlflow.set_tracking_uri(before)
    assert [column.name for column in model.metadata.signature.inputs] == list(NAMES)
    assert np.array_equal(model.predict(later[list(NAMES)]), trained.predict(later))


def test_the_champion_is_published_and_scores_as_it_was_trained(registry, version, redis, trained, later):
    published = publish(registry, redis)
    assert published.split("-")[0] == version
    scorer = load(redis)
    assert (scorer.version, scorer.horizon, scorer.active) == (published, 60, 120)
    assert np.array_equal(scorer.predict_many(later[list(NAMES)].to_numpy(float)), trained.predict(later))


def test_moving_the_alias_and_publishing_rolls_back(registry, version, training, tracking, redis):
    watcher = ModelWatcher(redis)
    publish(registry, redis)
    first = watcher.refresh(0.0).version
    assert log_training(registry, training) != version
    publish(registry, redis)
    assert watcher.refresh(2.0).version != first
    tracking.set_registered_model_alias(MODEL, CHAMPION, version)
    assert publish(registry, redis) == first
    assert watcher.refresh(4.0).version == first


def test_without_a_champion_nothing_is_published(registry, version, tracking, redis):
    tracking.delete_registered_model_alias(MODEL, CHAMPION)
    try:
        assert publish(registry, redis) is None
    finally:
        tracking.set_registered_model_alias(MODEL, CHAMPION, version)
    assert not redis.exists(KEY)


def test_mlflow_is_left_as_it_was_and_says_nothing(registry, version, redis, capfd):
    import mlflow

    before = mlflow.get_tracking_uri(), logging.getLogger("mlflow").level
    publish(registry, redis)
    assert (mlflow.get_tracking_uri(), logging.getLogger("mlflow").level) == before
    assert capfd.readouterr() == ("", "")


def test_a_store_that_cannot_be_opened_is_one_clear_error(training, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a database")
    with pytest.raises(ModelError, match="MLflow at sqlite"):
        log_training(Registry(f"sqlite:///{blocked}", tmp_path), training)


def test_redis_away_is_an_error_of_the_store(registry, version, tmp_path):
    with pytest.raises(StoreError, match="expected to write the champion"):
        publish(registry, Redis(unix_socket_path=str(tmp_path / "none.sock"), retry=Retry(NoBackoff(), 0)))
