"""Promotion against a running server: what answers changes without a restart, a bad model does not."""

import hashlib
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import numpy as np
import pytest

from features.catalog import NAMES, VERSION
from features.profile import new_state, update
from features.signals.testing import order
from features.store.online import OnlineStore
from models.churn.churn import label, train
from models.registry import promotion
from models.registry.promotion import Order
from models.registry.published import KEY, fields
from models.registry.registry import Registry, publish
from models.registry.runs import Training, log_training
from tests.models.conftest import PLAN, population

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")

SERVE = """
import sys
from pathlib import Path
from ebbtide.logs.events import RedisEventLog
from models.actions.actions import load
from serving.app import create_app
from serving.server import connect, run

redis = connect(sys.argv[1])
app = create_app(
    redis=redis, log=RedisEventLog(redis, 4), write_key="k", catalogue=load(), rejected=Path(sys.argv[2])
)
run(app, host="127.0.0.1", port=0, api_key=None, on_ready=lambda address: print(address, flush=True))
"""
MOMENT = datetime.now(UTC).isoformat()
SOON = 30.0
"""Seconds after which a change that has not come is given up."""


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """Version 1, taught nonsense, is champion; version 2, taught properly, its challenger."""
    home = tmp_path_factory.mktemp("registry")
    made = Registry(f"sqlite:///{home}/mlflow.db", home / "mlartifacts")
    frame = population(seed=1)
    dealt = frame.copy()
    for days in PLAN.days:
        dealt[label(days)] = np.random.default_rng(1).permutation(frame[label(days)].to_numpy())
    for rows in (dealt, frame):
        model = train(rows, NAMES, VERSION, PLAN)
        log_training(made, Training(model, rows, population(seed=2, cutoffs=1), {}, {}, str(home)))
    return made


@pytest.fixture
def api(redis, redis_server, tmp_path, registry):
    """A server in a process of its own, with a champion and a customer; its client."""
    publish(registry, redis)
    state = new_state()
    today = int(time.time() // 86_400)
    for back in (60, 50, 40, 30):
        update(state, order(today - back, revenue=20.0, customer="ann"))
    OnlineStore(redis).write_many([("ann", state)])
    command = [sys.executable, "-c", SERVE, f"unix://{redis_server}", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()) as process:
        try:
            with httpx2.Client(base_url=process.stdout.readline().strip(), timeout=30) as client:
                yield client
        finally:
            process.terminate()


def decision(api):
    """Asked as of one moment, since silence raises the risk with every second."""
    return api.post("/v1/decisions", json={"customerId": "ann", "asOf": MOMENT, "test": True}).json()


def until(api, wanted):
    """Ask until the decision is as wanted, and give it."""
    deadline = time.monotonic() + SOON
    while not wanted(found := decision(api)):
        assert time.monotonic() < deadline, json.dumps(found)
        time.sleep(0.1)
    return found


def answers_with(api, version):
    return until(api, lambda found: found["versions"]["model"] == version)


def test_promotion_and_rollback_reach_a_running_server(api, redis, registry):
    first = decision(api)
    assert first["versions"]["model"].startswith("1-")
    promoted = promotion.promote(registry, redis, "2", Order(time.time(), "ann", "better"))
    second = answers_with(api, promoted)
    assert second["churn"]["probability"] != first["churn"]["probability"]
    assert second["degraded"] == first["degraded"]
    back = promotion.rollback(registry, redis, Order(time.time(), "ann", "worse"))
    assert answers_with(api, back)["churn"]["probability"] == first["churn"]["probability"]


@pytest.mark.parametrize("digested", [True, False])
def test_a_corrupt_document_leaves_the_old_model_answering_and_says_so(api, redis, registry, digested):
    before = decision(api)
    raw = b'{"format": 1, "catalog": "torn'
    digest = hashlib.sha256(raw).hexdigest() if digested else "0" * 64
    redis.hset(KEY, mapping=fields("9-bad", raw, digest))
    after = until(api, lambda found: found["degraded"] != before["degraded"])
    assert after["versions"]["model"] == before["versions"]["model"]
    assert after["churn"]["probability"] == before["churn"]["probability"]
    assert any("model" in fault for fault in api.get("/readyz").json()["degraded"])
    publish(registry, redis)
    assert until(api, lambda found: found["degraded"] == before["degraded"])
