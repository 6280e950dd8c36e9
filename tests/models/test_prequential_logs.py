"""The correction against the frozen champion over the last third of real logs, in arrival order."""

import tempfile
import time
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd
import pytest

from ebbtide.domain.event import decode
from ebbtide.logs.rejected import RejectedLog
from features.catalog import NAMES, VERSION
from models.churn import Plan, label, train
from models.curve import ChurnCurve
from models.online import DAY, segments
from models.prequential import Prediction, prequential
from models.timeline import Schedule, sampling, stops
from streaming.importing.importer import import_events, open_log
from streaming.importing.mapping import parse_mapping
from streaming.importing.report import Report

SHARED = Path(__file__).parents[3] / "shared" / "data"
# File, horizon, active days, mapping, and of how many customers one is taken: a large log takes long.
LOGS = [
    pytest.param(
        *("online_retail.parquet", 60, 120),
        "customer=CustomerID,time=InvoiceDate,order=InvoiceNo,product=StockCode,name=Description,"
        "quantity=Quantity,price=UnitPrice",
        1,
        id="online_retail",
    ),
    pytest.param(
        *("cdnow.parquet", 90, 180),
        "customer=customer_id,time=date,quantity=cds,value=value",
        3,
        id="cdnow",
    ),
]
RECENCY, ORDERS = NAMES.index("recency_days"), NAMES.index("orders_total")
WEEK = 7 * DAY

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data beside the checkout"),
]


def events_of(path, mapping, one_of):
    log = open_log(path, parse_mapping(mapping))
    with tempfile.TemporaryDirectory() as folder:
        rejected = RejectedLog(Path(folder))
        batches = import_events(log, rejected, Report(), now=time.time())
        events = (decode(raw) for batch in batches for raw in batch)
        taken = (event for event in events if crc32(event.customer.encode()) % one_of == 0)
        return sorted(taken, key=lambda event: event.at)


def weekly(events, horizon, active):
    """Cut-offs a week apart over the last third, and the training cut-offs known at the first of them."""
    first, end = events[0].at, (events[-1].at // DAY + 1) * DAY
    last = end - horizon * DAY
    tests = [last - n * WEEK for n in range(60) if last - n * WEEK >= end - (end - first) / 3]
    trained = tests[-1] - horizon * DAY
    train_cuts = [trained - n * 2 * WEEK for n in range(13) if trained - n * 2 * WEEK > first + 14 * DAY]
    return Schedule(tuple(reversed(train_cuts)), tuple(reversed(tests)), horizon, active)


def frozen(stop, planned):
    """The champion of the first stop."""
    frame = pd.concat(
        pd.DataFrame(look.matrix, columns=list(NAMES)).assign(
            cutoff=pd.Timestamp(look.cut, unit="s", tz="UTC"),
            **{label(planned.horizon): look.churned(planned.horizon).astype(float)},
        )
        for look in stop.past
    )
    plan = Plan(planned.horizon, planned.active, horizons=())
    return ChurnCurve(train(frame, NAMES, VERSION, plan).artefact)


@pytest.mark.parametrize(("name", "horizon", "active", "mapping", "one_of"), LOGS)
def test_on_real_logs_the_correction_never_loses(name, horizon, active, mapping, one_of):
    events = events_of(SHARED / name, mapping, one_of)
    planned = weekly(events, horizon, active)
    curve, asked = None, []
    for stop in stops(events, planned, sampling(len({event.customer for event in events}))):
        curve = curve or frozen(stop, planned)
        look = stop.asked
        groups = [segments(row[RECENCY], row[ORDERS], horizon) for row in look.matrix]
        asked.append((look.cut, look.customers, curve.predict_many(look.matrix)[:, 0], groups, look.ordered))
    rng = np.random.default_rng(1)
    rows = [
        # A second later, as the replay's cut-offs begin with their first moment.
        Prediction(str(who[place]), cut, float(said[place]), groups[place], float(ordered[place]) + 1.0)
        for cut, who, said, groups, ordered in asked
        for place in rng.permutation(len(who))
    ]
    found = prequential(rows, horizon)
    assert found["labels"] == len(rows) > 10_000
    assert 0 < found["churned"] < len(rows)
    assert found["online_log_loss"] <= found["batch_log_loss"]
