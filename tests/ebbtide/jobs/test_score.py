import pyarrow.csv
import pyarrow.parquet
import pytest

from ebbtide.errors import InputError, ModelError
from ebbtide.jobs.progress import silent
from ebbtide.jobs.score import score_all
from features.profile import new_state, update
from features.signals.testing import order
from features.store.online import OnlineStore
from tests.churn_model import publish

DAY = 86_400.0
NOW = 300 * DAY
COLUMNS = ["customer_id", "stage", "churn_30", "churn_60", "churn_90", "expected_value", "value_at_risk"]


@pytest.fixture
def base(redis):
    publish(redis)
    written = []
    for n in range(40):
        state = new_state()
        for day in range(0, 295 - 5 * n, 10):
            update(state, order(day, revenue=10.0, customer=f"c{n}"))
        written.append((f"c{n}", state))
    newcomer = new_state()
    update(newcomer, order(299, name="Product Viewed", customer="new"))
    OnlineStore(redis).write_many([*written, ("new", newcomer)])


def test_the_summary_counts_everyone_and_judges_those_who_ordered(base, redis):
    result = score_all(redis, now=NOW, progress=silent)
    assert (result.model, result.horizon, result.customers, result.judged) == ("1", 60, 41, 40)
    assert sum(result.stages.values()) == 41
    assert 0 < result.mean_probability < 1
    assert len(result.top) == 10
    assert result.top[0].value_at_risk >= result.top[-1].value_at_risk


@pytest.mark.parametrize(
    ("name", "read"), [("s.parquet", pyarrow.parquet.read_table), ("s.csv", pyarrow.csv.read_csv)]
)
def test_the_file_has_a_row_for_each_customer(base, redis, tmp_path, name, read):
    result = score_all(redis, now=NOW, progress=silent, out=tmp_path / name)
    table = read(tmp_path / name)
    assert table.column_names == COLUMNS
    assert table.num_rows == 41
    rows = {row["customer_id"]: row for row in table.to_pylist()}
    assert rows["new"]["churn_60"] is None
    best = rows[result.top[0].customer]
    assert best["value_at_risk"] == pytest.approx(result.top[0].value_at_risk)
    assert best["value_at_risk"] == pytest.approx(best["churn_60"] * best["expected_value"])
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_bad_input_is_said_before_anything_is_done(base, redis, tmp_path):
    with pytest.raises(InputError, match=r"\.parquet or \.csv"):
        score_all(redis, now=NOW, progress=silent, out=tmp_path / "s.txt")
    with pytest.raises(InputError, match="a place to write to"):
        score_all(redis, now=NOW, progress=silent, out=tmp_path / "none" / "s.csv")


def test_without_a_champion_it_says_what_to_do(redis):
    with pytest.raises(ModelError, match="ebbtide train"):
        score_all(redis, now=NOW, progress=silent)
