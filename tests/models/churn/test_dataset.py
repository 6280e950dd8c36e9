import importlib.util
import math
import random
import sys
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.event import Event, Properties
from ebbtide.errors import ModelError
from features import profile
from features.catalog import NAMES
from features.store.feast import open_store
from models.churn.artefact import Churned
from models.churn.churn import Plan, label
from models.churn.cutoffs import DAY, cutoffs
from models.churn.dataset import training_rows
from tests.archive import history_of

# Feast's own: it calls its on-demand views experimental, and reads DuckDB through a call that was renamed.
pytestmark = [
    pytest.mark.filterwarnings("ignore:On demand feature view is an experimental feature:RuntimeWarning"),
    pytest.mark.filterwarnings(r"ignore:fetch_arrow_table\(\) is deprecated:DeprecationWarning"),
]
REPO = Path(__file__).parents[3] / "feature_repo"
BEGIN = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
HORIZON, ACTIVE = 30, 60
CUTOFFS = [datetime(2025, month, 1, tzinfo=UTC) for month in (3, 4, 5)]
UNTIL = CUTOFFS[-1] + timedelta(days=HORIZON)
PLAN = Plan(main=HORIZON, active=ACTIVE, horizons=(7, 60))


def journeys():
    """Forty customers' events in 180 days: orders and refunds, some exactly at midnight."""
    rng = random.Random(5)
    found = {}
    for number in range(40):
        gap, day, events = rng.uniform(4, 40), rng.uniform(0, 90), []
        while day < 180:
            name = "Order Refunded" if number % 10 == 9 or rng.random() < 0.1 else "Order Completed"
            at = BEGIN + (math.floor(day) if rng.random() < 0.2 else day) * DAY
            revenue = round(rng.uniform(5, 50), 2)
            events.append(Event(f"{number}-{at}", f"c{number}", name, at, Properties(revenue=revenue)))
            day += rng.expovariate(1 / gap) + 1.0
        found[f"c{number}"] = events[: rng.randint(1, 40)]
    found["edge"] = [
        Event("e1", "edge", "Order Completed", CUTOFFS[0].timestamp() - ACTIVE * DAY, Properties()),
        Event("e2", "edge", "Order Completed", CUTOFFS[0].timestamp() + HORIZON * DAY, Properties()),
    ]
    return found


def expected_rows(found):
    """The same by brute force, from the events themselves."""
    for cutoff in CUTOFFS:
        now = cutoff.timestamp()
        for customer, events in sorted(found.items()):
            orders = [event.at for event in events if event.name == "Order Completed"]
            if not any(now - ACTIVE * DAY <= at <= now for at in orders):
                continue
            state = profile.new_state()
            for event in events:
                if event.at <= now:
                    profile.update(state, event)
            churned = {
                days: float(not any(now < at <= now + days * DAY for at in orders))
                for days in PLAN.days
                if cutoff + timedelta(days=days) <= UNTIL
            }
            yield customer, cutoff, profile.vector(state, now), churned


@pytest.fixture(scope="module")
def world():
    return journeys()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def history(home, world):
    with history_of(home, chain.from_iterable(world.values())) as found:
        yield found


@pytest.fixture(scope="module")
def store(home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EBBTIDE_HOME", str(home))
        spec = importlib.util.spec_from_file_location("definitions_of_a_test", REPO / "definitions.py")
        definitions = importlib.util.module_from_spec(spec)
        patch.setitem(sys.modules, spec.name, definitions)
        spec.loader.exec_module(definitions)
        found = open_store(REPO, home, "unix:///nowhere.sock")
        found.apply(definitions.ALL)
        yield found


def read(store, history, cutoffs=CUTOFFS, plan=PLAN, **more):
    return training_rows(store, history, cutoffs, plan, until=UNTIL, **more)


@pytest.fixture(scope="module")
def rows(store, history):
    return read(store, history)


def test_population_signals_and_labels_are_those_of_the_raw_events(rows, world):
    expected = list(expected_rows(world))
    assert len(expected) > 60
    assert list(zip(rows["customer_id"], rows["cutoff"], strict=True)) == [row[:2] for row in expected]
    for days in PLAN.days:
        found = rows[label(days)]
        assert found.tolist() == pytest.approx([row[3].get(days, math.nan) for row in expected], nan_ok=True)
        assert {0.0, 1.0} <= set(found)
    assert rows[label(60)].isna().any()
    for found, (*_, vector, _) in zip(rows[list(NAMES)].to_numpy(float), expected, strict=True):
        assert found.tolist() == pytest.approx(vector, nan_ok=True, abs=1e-9)


def test_a_refund_makes_nobody_active(rows):
    assert "c9" not in set(rows["customer_id"])


def test_an_order_at_the_very_end_of_the_horizon_still_counts(rows):
    edge = rows[rows["customer_id"] == "edge"]
    assert edge["cutoff"].tolist()[:1] == CUTOFFS[:1]
    assert edge[label(HORIZON)].iloc[0] == 0.0


def test_rows_beyond_the_most_are_drawn_the_same_way_each_time(store, history, rows):
    drawn = [read(store, history, most=20) for _ in range(2)]
    assert len(drawn[0]) == 20
    assert drawn[0].equals(drawn[1])
    assert drawn[0].merge(rows, how="inner", on=list(rows.columns[:2])).shape[0] == 20


def test_nobody_active_is_an_error_that_says_so(store, history):
    early = [datetime(2024, 1, 1, tzinfo=UTC)]
    with pytest.raises(ModelError, match="expected customers with an order in the 60 days before a cut-off"):
        read(store, history, early)
    with pytest.raises(ModelError, match="expected customers with a subscription"):
        read(store, history, plan=Plan(main=HORIZON, active=ACTIVE, churned=Churned.CANCEL))


class LosesRows:
    """Feast's store, but for what its file store once did: a row is missing from the answer."""

    def __init__(self, store):
        self._store = store

    def get_feature_service(self, name):
        return self._store.get_feature_service(name)

    def get_historical_features(self, **asked):
        return Answer(self._store.get_historical_features(**asked).to_df().iloc[1:])


class Answer:
    def __init__(self, frame):
        self._frame = frame

    def to_df(self):
        return self._frame


def test_a_row_that_feast_loses_is_an_error_that_says_so(store, history):
    with pytest.raises(ModelError, match=r"expected \d+ rows from Feast, found \d+, with 1 missing"):
        read(LosesRows(store), history)


def test_customers_whom_feast_does_not_know_are_an_error_that_says_so(store, history, tmp_path):
    stranger = Event("s1", "stranger", "Order Completed", CUTOFFS[0].timestamp() - DAY, Properties())
    with (
        history_of(tmp_path, [stranger]) as other,
        pytest.raises(ModelError, match="know 1 customers at 2025-03-01, found 1 that it does not"),
    ):
        read(store, other)


@given(
    first=st.floats(0, 2e9),
    days=st.floats(1, 3000),
    horizon=st.integers(1, 120),
    active=st.integers(1, 400),
)
def test_no_training_label_looks_past_the_test_cut_off_nor_the_test_label_past_the_log(
    first, days, horizon, active
):
    last, span = first + days * DAY, timedelta(days=horizon)
    try:
        found = cutoffs(first, last, horizon=horizon, active=active)
    except ModelError:
        assert days < 3 * horizon + 1
        return
    assert max(found.train) + span <= found.test
    assert (found.test + span).timestamp() <= last
    assert min(found.train).timestamp() >= first + horizon * DAY - 1e-3
    assert last - (found.test + span).timestamp() < DAY
    assert found.every == tuple(sorted(set(found.every)))
    assert all((cutoff.hour, cutoff.minute, cutoff.second) == (0, 0, 0) for cutoff in found.every)


@pytest.mark.parametrize(("days", "active", "step"), [(576, 120, 28), (575, 120, 14), (576, 121, 14)])
def test_cut_offs_are_spread_over_a_year_once_the_log_has_one_of_them(days, active, step):
    found = cutoffs(BEGIN, BEGIN + days * DAY, horizon=60, active=active)
    steps = {b - a for a, b in zip(found.train, found.train[1:], strict=False)}
    assert (len(found.train), steps) == (13, {timedelta(days=step)})
    assert found.train[-1] == found.test - timedelta(days=60)


def test_too_short_a_log_says_what_is_needed_and_what_there_is():
    with pytest.raises(ModelError, match=r"at least 181 days.* found 100 days, 2025-01-01 to 2025-04-11"):
        cutoffs(BEGIN, BEGIN + 100 * DAY, horizon=60)
