import logging

import msgspec
import numpy as np
import pandas as pd
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ebbtide.errors import ModelError, StoreError
from features.catalog import NAMES, VERSION
from models.churn.artefact import decode, digest
from models.churn.churn import label
from models.churn.scorer import ModelWatcher, load
from models.churn.tuning import Trial
from models.evaluation.evaluate import evaluate
from models.evaluation.plots import roc
from models.registry.published import KEY
from models.registry.registry import (
    CHALLENGER,
    CHAMPION,
    EXPERIMENT,
    MODEL,
    Registry,
    aliased,
    document,
    publish,
)
from models.registry.runs import Training, log_training
from models.value.value import Value

# MLflow's own: it maps its tables by a way that SQLAlchemy has since deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")


WORTH = Value(VERSION, NAMES, 180, "", (0.1, 0.2, 0.3, 0.4), 1.0, {"trees": 5.0, "rfm": 4.0})


def registry_in(home):
    return Registry(f"sqlite:///{home}/mlflow.db", home / "mlartifacts")


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return registry_in(tmp_path_factory.mktemp("registry"))


@pytest.fixture(scope="module")
def training(trained, frame, later, registry):
    churned, probability = later[label(60)].to_numpy() == 1.0, trained.predict(later)
    drawn = {"roc.png": roc(churned, probability, "400 customers")}
    metrics = evaluate(churned, probability)
    source = str(registry.artifacts.parent / "history")
    trials = [Trial({"num_leaves": 4}, 0.5, 80, 1.0), Trial({"num_leaves": 8}, 0.6, 90, 1.0)]
    return Training(trained, frame, later, metrics, drawn, source, trials, WORTH)


@pytest.fixture(scope="module")
def first(registry, training):
    return log_training(registry, training)


@pytest.fixture(scope="module")
def version(first):
    return first.version


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
    assert run.data.params["rounds_30"] == str(training.model.chosen[30].rounds)
    assert run.data.params["churned"] == "silence"
    assert run.data.params["test_cutoffs"] == f"{later['cutoff'].iloc[0]:%Y-%m-%d}"
    assert run.data.tags["label"].startswith("no order in the 60 days after the cut-off")
    assert run.data.tags["catalog"] == VERSION
    assert training.metrics.items() <= run.data.metrics.items()
    assert run.data.metrics["training_rows"] == len(frame)


def test_the_run_has_its_data_sets_with_their_digests(run):
    found = {each.dataset.name: each.dataset.digest for each in run.inputs.dataset_inputs}
    assert set(found) == {"churn-training", "churn-test"}
    assert len(set(found.values())) == 2


def test_the_run_has_the_model_of_value_with_what_it_was_chosen_by(registry, run):
    import mlflow

    from models.registry.registry import session

    params, metrics = run.data.params, run.data.metrics
    assert (params["value_model"], params["value_days"]) == ("rfm", "180")
    assert (metrics["value_deviance_trees"], metrics["value_deviance_rfm"]) == (5.0, 4.0)
    with session(registry):
        kept = mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/value.json")
    assert msgspec.json.decode(kept, type=Value) == WORTH
    assert params["value_digest"] == digest(kept.encode())


def test_the_run_has_its_plots(tracking, run, training):
    found = {each.path for each in tracking.list_artifacts(run.info.run_id, "plots")}
    assert found == {f"plots/{name}" for name in training.figures}


def test_every_trial_is_a_child_run(tracking, run):
    children = tracking.search_runs(
        [run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'"
    )
    found = {child.info.run_name: child.data.metrics["held_out_log_loss"] for child in children}
    assert found == {"trial-0": 0.5, "trial-1": 0.6}


def test_the_first_model_is_champion_with_its_catalog(tracking, first, version):
    assert first.alias == CHAMPION
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
    found = model.predict(later[list(NAMES)])
    assert list(found.columns) == ["churned_30", "churned_60"]
    assert np.array_equal(found["churned_60"], trained.predict(later))
    assert np.array_equal(found["churned_30"], trained.predict(later, 30))
    whole_numbers = model.predict(pd.DataFrame([dict.fromkeys(NAMES, 1)]))
    assert np.array_equal(whole_numbers, model.predict(pd.DataFrame([dict.fromkeys(NAMES, 1.0)])))
    with pytest.raises(ModelError, match=f"found none for {NAMES[3]}; where a value is not known, give NaN"):
        model.predict(later[list(NAMES)].drop(columns=NAMES[3]))


def test_the_champion_is_published_and_scores_as_it_was_trained(registry, version, redis, trained, later):
    published = publish(registry, redis)
    assert published.split("-")[0] == version
    scorer = load(redis)
    assert (scorer.version, scorer.horizon, scorer.active) == (published, 60, 120)
    assert scorer.artefact == trained.artefact == decode(document(registry, version))
    assert np.array_equal(scorer.predict_many(later[list(NAMES)].to_numpy(float)), trained.predict(later))


def test_a_later_model_challenges_and_what_serves_stays(registry, first, training, tracking, redis):
    watcher = ModelWatcher(redis)
    publish(registry, redis)
    serving = watcher.refresh(0.0).version
    second = log_training(registry, training)
    assert second.alias == CHALLENGER
    assert aliased(tracking, CHALLENGER) == second.version
    assert aliased(tracking, CHAMPION) == first.version
    publish(registry, redis)
    assert watcher.refresh(2.0).version == serving


def test_moving_the_alias_and_publishing_promotes_and_rolls_back(
    registry, version, training, tracking, redis
):
    watcher = ModelWatcher(redis)
    publish(registry, redis)
    before = watcher.refresh(0.0).version
    tracking.set_registered_model_alias(MODEL, CHAMPION, log_training(registry, training).version)
    publish(registry, redis)
    assert watcher.refresh(2.0).version != before
    tracking.set_registered_model_alias(MODEL, CHAMPION, version)
    assert publish(registry, redis) == before
    assert watcher.refresh(4.0).version == before


def test_a_champion_for_other_signals_gives_way_to_a_model_that_fits(training, tmp_path):
    registry = registry_in(tmp_path)
    old = msgspec.structs.replace(training.model.artefact, catalog="0-old")
    other = Training(
        type(training.model)(old, {}, {}, {}, {}),
        training.train_rows,
        training.test_rows,
        {},
        {},
        training.source,
    )
    assert log_training(registry, other).alias == CHAMPION
    assert log_training(registry, training) == ("2", CHAMPION)


def test_a_version_that_is_not_there_is_one_clear_error(registry, version):
    with pytest.raises(ModelError, match="MLflow at sqlite"):
        document(registry, "99")


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
    with pytest.raises(StoreError, match="expected to write a model"):
        publish(registry, Redis(unix_socket_path=str(tmp_path / "none.sock"), retry=Retry(NoBackoff(), 0)))
