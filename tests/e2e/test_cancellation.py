"""Cancellation as churn: from subscription events to a frame that MLflow scores."""

import json
import os
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from features.catalog import NAMES
from models.registry.registry import load_mlflow

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    # MLflow's own: it maps its tables by a way that SQLAlchemy has since deprecated.
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
]
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = 150


def journeys():
    """Subscribers who pay every ten days; a payment that fails is often followed by a cancellation."""
    rng = random.Random(4)
    for number in range(600):
        day = rng.uniform(0, 130)
        yield number, "Subscription Started", day
        while day < DAYS:
            failed = rng.random() < 0.15
            yield number, "Payment Failed" if failed else "Payment Succeeded", day + 0.1
            if rng.random() < (0.6 if failed else 0.03):
                yield number, "Subscription Cancelled", day + rng.uniform(1, 9)
                break
            day += 10
    yield 0, "Page Viewed", DAYS


def log_line(place, number, name, day):
    """One Segment event as JSON."""
    event = {"type": "track", "messageId": f"m{place}", "userId": f"s{number}", "event": name}
    return json.dumps(event | {"timestamp": (BEGIN + timedelta(days=min(day, DAYS))).isoformat()})


def run(home, *arguments, code=0):
    kept = {key: value for key, value in os.environ.items() if not key.startswith("EBBTIDE_")}
    command = [sys.executable, "-m", "ebbtide", *arguments]
    environment = {**kept, "EBBTIDE_HOME": str(home)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("subscribers")
    log = folder / "events.jsonl"
    log.write_text("\n".join(log_line(place, *event) for place, event in enumerate(journeys())) + "\n")
    run(folder / "home", "import", str(log))
    return folder / "home"


@pytest.fixture(scope="module")
def trained(home):
    arguments = ("train", "--churned", "cancel", "--horizon", "14", "--tune", "1s", "--json")
    return json.loads(run(home, *arguments))


def test_training_foretells_cancellations_and_makes_the_first_model_champion(trained):
    assert (trained["churned"], trained["alias"], trained["version"]) == ("cancel", "champion", "1")
    assert trained["serving"].startswith("1-")
    assert {7, 14, 30} <= set(trained["horizons"])
    assert trained["trials"] >= 1
    assert trained["metrics"]["roc_auc_low"] > 0.5


def test_mlflow_scores_a_frame_of_raw_signals_and_the_risk_rises_with_the_horizon(trained, home):
    mlflow = load_mlflow()
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{home}/mlflow.db")
    try:
        model = mlflow.pyfunc.load_model("models:/ebbtide-churn@champion")
    finally:
        mlflow.set_tracking_uri(before)
    signals = pd.DataFrame([dict.fromkeys(NAMES, 1.0), dict.fromkeys(NAMES, 0.0)])
    found = model.predict(signals)
    assert list(found.columns) == [f"churned_{days}" for days in trained["horizons"]]
    assert (found.diff(axis=1).iloc[:, 1:] >= 0.0).all(axis=None)


def test_what_cannot_be_trained_on_is_said_and_leaves_the_champion(trained, home):
    assert "expected customers with an order" in run(home, "train", "--horizon", "14", code=1)
    assert "expected a log of at least 601 days" in run(home, "train", "--horizon", "200", code=1)
    assert trained["serving"] in run(home, "check", "--json")
