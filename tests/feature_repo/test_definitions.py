"""What Feast knows: the same from our command line and from Feast's own, online and in training."""

import json
import math
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from ebbtide.jobs.apply import apply
from ebbtide.settings import Settings
from features import profile
from features.catalog import NAMES
from features.signals.testing import order
from features.store.online import OnlineStore
from tests.archive import history_of

DAY = 86_400.0
FIRST = 20_000
REPO = Path(__file__).parents[2] / "feature_repo"
pytestmark = pytest.mark.filterwarnings(
    "ignore:fetch_arrow_table:DeprecationWarning",  # Feast's DuckDB store, through ibis
    "ignore:On demand feature view:RuntimeWarning",
)


def state_at(*days):
    state = profile.new_state()
    for day in days:
        profile.update(state, bought(day))
    return state


def bought(day):
    return order(day=FIRST + day, customer="c1", revenue=10.0 + day, products={"p": 1})


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def store(home, redis_server):
    """Feast's store over a history of one customer: orders on days 0, 10 and 20, looked at on 15 and 25."""
    with history_of(home, [bought(day) for day in (10, 0, 20)]) as history:
        history.include([(FIRST + 15) * DAY, (FIRST + 25) * DAY])
    return apply(Settings(home=home), f"unix://{redis_server}")


def same(found, expected):
    return all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(found, expected, strict=True))


def ask(store, *rows):
    entities = pd.DataFrame(
        [(customer, datetime.fromtimestamp(day * DAY, UTC), day * DAY) for customer, day in rows],
        columns=["customer_id", "event_timestamp", "now"],
    )
    frame = store.get_historical_features(
        entity_df=entities, features=store.get_feature_service("churn")
    ).to_df()
    return {
        (row["customer_id"], row["now"] / DAY): [row[name] for name in NAMES] for _, row in frame.iterrows()
    }


def test_there_is_one_of_each_and_all_signals(store):
    assert [view.name for view in store.list_feature_views()] == ["customer_state"]
    assert [view.name for view in store.list_on_demand_feature_views()] == ["customer_signals"]
    assert [entity.name for entity in store.list_entities() if entity.name != "__dummy"] == ["customer"]
    service = store.get_feature_service("churn")
    assert [field.name for field in service.feature_view_projections[0].features] == list(NAMES)


def test_training_rows_are_what_was_known_at_the_moment_asked_about(store):
    found = ask(store, ("c1", FIRST + 15), ("c1", FIRST + 25), ("nobody", FIRST + 25), ("c1", FIRST - 1))
    assert same(found["c1", FIRST + 15], profile.vector(state_at(0, 10), (FIRST + 15) * DAY))
    assert same(found["c1", FIRST + 25], profile.vector(state_at(0, 10, 20), (FIRST + 25) * DAY))
    assert all(math.isnan(value) for value in found["nobody", FIRST + 25] + found["c1", FIRST - 1])


def test_feast_reads_online_what_the_stream_wrote(store, redis):
    state = state_at(0, 10, 20)
    OnlineStore(redis).write_many([("c1", state)])
    now = (FIRST + 31) * DAY
    found = store.get_online_features(
        features=store.get_feature_service("churn"), entity_rows=[{"customer_id": "c1", "now": now}]
    ).to_dict()
    values = [math.nan if found[name][0] is None else found[name][0] for name in NAMES]
    assert same(values, profile.vector(state, now))


def test_the_stream_reads_what_feast_wrote_online(store, redis):
    state = state_at(0, 10)
    stamp = datetime.fromtimestamp(state.last_at, UTC)
    row = {"customer_id": "c2", "state": profile.encode(state), "event_timestamp": stamp, "created": stamp}
    frame = pd.DataFrame([row])
    store.push("customer_state_push", frame)
    read = OnlineStore(redis).read("c2")
    assert read is not None
    assert profile.encode(read) == profile.encode(state)


@pytest.mark.slow
def test_feasts_own_command_line_gives_the_same(store, tmp_path):
    """In a copy of the folder, since Feast's settings there point beside it."""
    copy = tmp_path / "feature_repo"
    copy.mkdir()
    for name in ("definitions.py", "feature_store.yaml"):
        (copy / name).write_text((REPO / name).read_text())
    environment = {**os.environ, "EBBTIDE_HOME": str(tmp_path / ".ebbtide")}
    feast = [str(Path(sys.executable).with_name("feast")), "-c", str(copy)]
    subprocess.run([*feast, "apply"], env=environment, check=True, capture_output=True, timeout=110)
    listed = subprocess.run(
        [*feast, "feature-views", "list"], env=environment, check=True, capture_output=True, text=True
    ).stdout
    for view in (*store.list_feature_views(), *store.list_on_demand_feature_views()):
        assert view.name in listed


def test_feasts_settings_name_no_path_of_a_machine():
    import yaml

    settings = yaml.safe_load((REPO / "feature_store.yaml").read_text())
    assert "/home" not in json.dumps(settings)
    assert settings["offline_store"]["type"] == "duckdb"
