"""What the tests of the models share: a small population whose churn is known, and a model trained on it."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from features.catalog import NAMES, VERSION
from models.churn.churn import Plan, TrainedModel, label, train

HORIZON, ACTIVE = 60, 120
SHORTER = 30
PLAN = Plan(main=HORIZON, active=ACTIVE, horizons=(SHORTER,))
MIDNIGHT = datetime(2025, 3, 1, tzinfo=UTC)


def population(seed: int, customers: int = 400, cutoffs: int = 4) -> pd.DataFrame:
    """Rows of all signals, most of them noise; the longer overdue, the likelier gone. A tenth is missing."""
    rng = np.random.default_rng(seed)
    rows = customers * cutoffs
    values = rng.gamma(2.0, 10.0, size=(rows, len(NAMES)))
    frame = pd.DataFrame(values, columns=list(NAMES))
    frame["recency_days"] = rng.uniform(0, ACTIVE, rows)
    frame["overdue_ratio"] = frame["recency_days"] / rng.uniform(5, 40, rows)
    frame.insert(0, "customer_id", [f"c{row % customers}" for row in range(rows)])
    frame.insert(1, "cutoff", [MIDNIGHT + timedelta(days=30 * (row // customers)) for row in range(rows)])
    frame["cutoff"] = frame["cutoff"].astype("datetime64[us, UTC]")
    drawn = rng.random(rows)  # one for both horizons: who is silent for 60 days is so for 30
    for days, odds in ((SHORTER, frame["overdue_ratio"] - 2.0), (HORIZON, frame["overdue_ratio"] - 3.0)):
        frame[label(days)] = (drawn < 1 / (1 + np.exp(-odds))).astype(float)
    gaps = rng.random((rows, len(NAMES))) < 0.1
    frame[list(NAMES)] = frame[list(NAMES)].mask(gaps)
    return frame


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    return population(seed=1)


@pytest.fixture(scope="session")
def later() -> pd.DataFrame:
    """A later cut-off, never trained on."""
    found = population(seed=2, cutoffs=1)
    found["cutoff"] += pd.Timedelta(days=150)
    return found


@pytest.fixture(scope="session")
def trained(frame: pd.DataFrame) -> TrainedModel:
    return train(frame, NAMES, VERSION, PLAN)
