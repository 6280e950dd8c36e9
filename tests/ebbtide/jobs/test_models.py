"""Two trainings on one log, then compare, promote, roll back and monitor: each as its verb does it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from ebbtide.errors import ModelError
from ebbtide.jobs import models
from ebbtide.jobs.imports import import_file
from ebbtide.jobs.monitor import monitor
from ebbtide.jobs.progress import silent
from ebbtide.jobs.train import train
from ebbtide.settings import Settings
from models.churn.scorer import load
from models.registry.promotion import Order
from streaming.importing.importer import open_log
from streaming.importing.mapping import parse_mapping
from tests.conftest import running_redis
from tests.shop import orders

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    # Of MLflow, and of Feast and its DuckDB store: their own.
    pytest.mark.filterwarnings(
        "ignore:The ``noload`` loader strategy:DeprecationWarning",
        "ignore:On demand feature view is an experimental feature:RuntimeWarning",
        r"ignore:fetch_arrow_table\(\) is deprecated:DeprecationWarning",
    ),
]

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
DAYS, HORIZON, ACTIVE = 200, 14, 28
NOW = (BEGIN + timedelta(days=DAYS)).timestamp()
ANN = Order(NOW, "ann", "a trial")


@pytest.fixture(scope="module")
def shop(tmp_path_factory, redis_folder):
    """A working folder with a log and two models of it, the second worse: settings, client and URL."""
    home = tmp_path_factory.mktemp("shop")
    folder = redis_folder / "models"
    folder.mkdir()
    path = home / "shop.csv"
    rows = "".join(f"{who},{at.isoformat()},10\n" for who, at in orders(BEGIN, DAYS, 220))
    path.write_text("id,when,sum\n" + rows)
    with running_redis(folder) as socket, Redis(unix_socket_path=str(socket)) as client:
        settings, url = Settings(home=home / "work"), f"unix://{socket}"
        log = open_log(path, parse_mapping("customer=id,time=when,value=sum"))
        import_file(settings, client, log, clock=lambda: NOW, progress=silent)
        for active in (ACTIVE, ACTIVE - 7):
            train(settings, client, url, horizon=HORIZON, active=active, progress=silent)
        yield settings, client, url


def test_the_challenger_is_compared_on_the_newer_trainings_test_rows(shop):
    settings, _, url = shop
    found = models.compare(settings, url, "champion", "challenger", silent)
    assert (found.champion, found.challenger, found.horizon) == ("1", "2", HORIZON)
    assert found.comparison.rows > 50
    told = json.loads(json.dumps(found.public()))
    assert set(told["gains"]["log_loss"]) == {"gain", "low", "high"}


def test_what_is_not_proven_better_is_refused_with_the_figures(shop):
    settings, client, url = shop
    before = load(client).version
    assert not models.compare(settings, url, "1", "1", silent).comparison.proven
    with pytest.raises(
        ModelError, match=r"version 2 was not promoted: .* found .* \(95% .* --force --reason"
    ):
        models.promote(settings, client, url, "challenger", ANN, force=False, progress=silent)
    with pytest.raises(ModelError, match="version 1 is the champion already"):
        models.promote(settings, client, url, "champion", ANN, force=False, progress=silent)
    assert load(client).version == before


def test_a_version_or_alias_that_there_is_not_is_told_by_what_is_missing(shop, tmp_path):
    settings, _, url = shop
    with pytest.raises(ModelError, match=r"expected a version \(2, 1\), champion or challenger, found '9'"):
        models.compare(settings, url, "1", "9", silent)
    with pytest.raises(ModelError, match="expected a trained model, found none; run `ebbtide train`"):
        models.compare(Settings(home=tmp_path), url, "champion", "challenger", silent)


def test_forced_it_is_promoted_and_rolled_back(shop):
    settings, client, url = shop
    before = load(client).version
    found = models.promote(settings, client, url, "2", ANN, force=True, progress=silent)
    assert (found.version, found.compared) == ("2", None)
    assert (found.horizon, found.horizon_before) == (HORIZON, HORIZON)
    assert load(client).version == found.published != before
    assert models.rollback(settings, client, ANN, None).published == before
    assert load(client).version == before


def test_monitoring_finds_customers_labels_and_its_run(shop):
    import mlflow

    settings, client, url = shop
    found, page = monitor(settings, client, url, now=NOW, progress=silent)
    assert found.version == load(client).version
    assert set(found.stability) == set(load(client).artefact.names)
    assert found.rows > 50
    assert "<svg" in page
    assert all(each.rows > 0 for each in found.calibration)
    assert found.calibration[-1].cutoff <= f"{BEGIN + timedelta(days=DAYS - HORIZON):%Y-%m-%d}"
    kept = mlflow.MlflowClient(settings.mlflow_uri, settings.mlflow_uri).get_run(found.run)
    assert kept.data.tags["kind"] == "monitoring"
    assert kept.data.metrics["psi_recency_days"] == pytest.approx(found.stability["recency_days"])
    json.dumps(found.public())


def test_weeks_of_silence_later_the_drift_is_seen(shop):
    settings, client, url = shop
    now, _ = monitor(settings, client, url, now=NOW, progress=silent)
    later, _ = monitor(settings, client, url, now=NOW + 20 * 86_400, progress=silent)
    assert later.stability["recency_days"] > now.stability["recency_days"]
    assert "recency_days" in later.shifted()


def test_with_nobody_active_there_is_nobody_to_look_at(shop):
    settings, client, url = shop
    with pytest.raises(ModelError, match="expected customers with an order in the last 28 days, found none"):
        monitor(settings, client, url, now=NOW + 90 * 86_400, progress=silent)
