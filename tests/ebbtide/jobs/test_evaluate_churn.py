"""Evaluating churn from a file: the object that it gives, the population that it tests on, and its errors."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ebbtide.cli.churn_tables import shown
from ebbtide.cli.evaluate import churn
from ebbtide.errors import InputError, ModelError
from ebbtide.jobs.evaluate_churn import evaluate_churn
from ebbtide.jobs.progress import silent
from streaming.importing.importer import open_log
from streaming.importing.mapping import parse_mapping
from tests.shop import orders

MAP = "customer=id,time=when,value=sum"
SHARED = Path(__file__).parents[4] / "shared" / "data"
FIGURES = {"auc", "average_precision", "log_loss", "brier", "ece", "lift_at_10"}
CURVE = {"share", "draws", "customers", "train_rows", "auc_low", "auc_high"} | {
    f"{figure}{of}" for figure in ("auc", "log_loss") for of in ("", "_lowest", "_highest")
}
GAINS = {"auc_low", "auc_high", "log_loss_low", "log_loss_high"} | {
    f"auc_gain{of}" for of in ("", "_low", "_high")
}


def lines(customers=150, days=150, seed=2):
    return orders(datetime(2025, 1, 1, tzinfo=UTC), days, customers, seed)


def write(path, rows):
    text = "".join(f"{who},{at.isoformat()},{10 + place % 7}\n" for place, (who, at) in enumerate(rows))
    path.write_text("id,when,sum\n" + text)
    return path


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return write(tmp_path_factory.mktemp("log") / "shop.csv", lines())


def run(path, mapping=MAP, *, horizon=14, active=28, rolling=False, correct=False, curve=False):
    return evaluate_churn(
        open_log(path, parse_mapping(mapping)),
        horizon=horizon,
        active=active,
        rolling=rolling,
        correct=correct,
        curve=curve,
        clock=lambda: datetime(2026, 1, 1, tzinfo=UTC).timestamp(),
        progress=silent,
    )


def test_the_population_is_every_customer_with_an_order_in_the_days_before_the_cut_off(shop):
    found = run(shop).public(rolling=False)
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    cut = begin + timedelta(days=150 - 14)
    active = {who for who, at in lines() if cut - timedelta(days=28) <= at < cut}
    stayed = {who for who, at in lines() if cut <= at < cut + timedelta(days=14)}
    assert found["test_cut"] == f"{cut:%Y-%m-%d}"
    assert found["n"] == len(active)
    assert found["churn_rate"] == pytest.approx(len(active - stayed) / len(active))
    assert not {"cutoffs", "learning_curve"} & set(found)


def test_rolling_gives_each_cut_off_and_all_of_them_together(shop):
    found = run(shop, rolling=True).public(rolling=True)
    assert len(found["cutoffs"]) == 3
    assert sum(each["n"] for each in found["cutoffs"]) == found["n"]
    assert found["cutoffs"][-1]["test_cut"] == found["test_cut"]
    assert {model["name"] for model in found["models"]} | set(found["failed"]) >= {"ebbtide", "rfm_logistic"}
    for model in found["models"]:
        assert set(model) == {"name", *FIGURES, *GAINS}
    for each in found["cutoffs"]:
        assert {name for model in each["models"] for name in model} == {"name", *FIGURES}


def test_cut_offs_that_one_stray_old_order_brings_are_told_of_in_one_note(tmp_path):
    stray = ("old", datetime(2024, 1, 1, tzinfo=UTC))
    found = run(write(tmp_path / "stray.csv", [stray, *lines()]), rolling=True).public(rolling=True)
    assert len(found["cutoffs"]) >= 3
    [note] = found["notes"]
    assert note.startswith("left out 4 cut-offs, 2024-12-")
    assert "expected" in note


def test_lines_that_cannot_be_used_are_counted_by_reason(shop, tmp_path):
    path = tmp_path / "gaps.csv"
    path.write_text(shop.read_text() + ",2025-05-01,10\nc1,soon,10\n,2025-05-02,10\n")
    assert run(path).notes == ["left out, no customer: 2", "left out, time not understood: 1"]


def test_the_correction_is_judged_by_every_label_of_the_last_third_and_costs_little(shop):
    found = run(shop, correct=True).public(rolling=False)["prequential"]
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    cuts = [begin + timedelta(days=150 - 14 - back) for back in range(28, -1, -7)]
    orders_of: dict[str, list[datetime]] = {}
    for who, at in lines():
        orders_of.setdefault(who, []).append(at)
    asked = [
        not any(cut <= at < cut + timedelta(days=14) for at in own)
        for cut in cuts
        for own in orders_of.values()
        if any(cut - timedelta(days=28) <= at < cut for at in own)
    ]
    assert (found["first_cut"], found["last_cut"]) == (f"{cuts[0]:%Y-%m-%d}", f"{cuts[-1]:%Y-%m-%d}")
    assert (found["labels"], found["churned"]) == (len(asked), sum(asked))
    assert 0.0 < found["online_log_loss"] < found["batch_log_loss"] + 0.01


def test_without_enough_before_the_last_third_there_is_no_correction_but_a_reason(tmp_path):
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    late = [(f"late-{who}", at + timedelta(days=105)) for who, at in lines(days=45)]
    few = [(f"early-{who}", begin + timedelta(days=day)) for who in range(3) for day in range(0, 150, 5)]
    path = write(tmp_path / "young.csv", sorted([*late, *few], key=lambda row: row[1]))
    found = run(path, correct=True).public(rolling=False)
    assert "prequential" not in found
    assert any(note.startswith("no online correction: training: expected") for note in found["notes"])


@pytest.mark.parametrize("rolling", [False, True])
def test_the_learning_curve_ends_with_the_model_of_the_last_cut_off(shop, rolling):
    found = run(shop, rolling=rolling, curve=True).public(rolling=rolling)
    last = found["cutoffs"][-1]["models"][0] if rolling else found["models"][0]
    whole = found["learning_curve"][-1]
    assert (whole["share"], whole["draws"]) == (1.0, 1)
    names = {"auc", "log_loss"} if rolling else {"auc", "auc_low", "auc_high", "log_loss"}
    assert {name: whole[name] for name in names} == {name: last[name] for name in names}


def test_a_part_of_too_few_customers_is_left_out_of_the_learning_curve_with_a_note(shop):
    found = run(shop, curve=True)
    assert [(point.share, point.draws) for point in found.learning_curve] == [(0.25, 4), (0.5, 2), (1.0, 1)]
    [note] = found.notes
    assert note.startswith("left out of the learning curve, an eighth: training: expected at least 100 rows")


def test_where_more_rows_are_known_than_may_train_a_note_says_so(shop, monkeypatch):
    for place in ("models.churn.churn", "ebbtide.jobs.evaluate_churn"):
        monkeypatch.setattr(f"{place}.MOST_ROWS", 500)
    found = run(shop, curve=True)
    assert found.learning_curve[-1].train_rows > 500
    assert "learning curve: of more than 500 rows as many train, drawn evenly" in found.notes


def test_the_learning_curve_is_a_table_with_a_row_for_each_size(shop):
    found = run(shop, curve=True)
    [_, table] = shown(found, rolling=False)
    assert f"the same {found.n}" in table.title
    sizes, _, customers, _, auc, *_ = (list(column.cells) for column in table.columns)
    assert sizes == ["1/4", "1/2", "all"]
    assert customers == [f"{point.customers:,}" for point in found.learning_curve]
    assert auc == [f"{point.auc:.4f}" for point in found.learning_curve]


def test_the_verb_prints_one_json_object_and_draws_a_picture(shop):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("EBBTIDE_")}
    options = ["--map", MAP, "--horizon", "14", "--active", "28", "--json", "--prequential"]
    options += ["--learning-curve", "--plot", "churn.png"]
    command = [sys.executable, "-m", "ebbtide", "evaluate", "churn", shop.name, *options]
    said = subprocess.run(
        command, cwd=shop.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)
    keys = {"data", "horizon", "active", "test_cut", "n", "churn_rate", "models", "failed", "notes"}
    assert set(found) == keys | {"prequential", "learning_curve"}
    for point in found["learning_curve"]:
        assert set(point) == CURVE
    assert (found["data"], found["horizon"], found["active"]) == ("shop.csv", 14, 28)
    assert found["models"][0]["name"] == "ebbtide"
    assert (shop.parent / "churn.png").exists()
    assert not (shop.parent / ".ebbtide").exists()


def test_a_picture_that_could_not_be_written_is_an_error_before_any_work(shop, tmp_path):
    with pytest.raises(InputError, match="expected a folder to write to"):
        churn(shop, mapping=MAP, plot=tmp_path / "nowhere" / "churn.png")


def test_a_horizon_longer_than_the_log_is_an_error(shop):
    with pytest.raises(ModelError, match=r"at least 374 days .* found 150 days"):
        run(shop, horizon=180)


def test_too_few_customers_is_an_error_that_counts_them(tmp_path):
    with pytest.raises(ModelError, match=r"at least 100 rows .* found \d+ rows"):
        run(write(tmp_path / "tiny.csv", lines(customers=3)))


def test_labels_of_one_class_are_an_error_that_counts_them(tmp_path):
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    rows = [(f"c{who}", begin + timedelta(days=day)) for day in range(150) for who in range(30)]
    with pytest.raises(ModelError, match=r"at least 20 who churned .* 0 of them churned"):
        run(write(tmp_path / "loyal.csv", rows))


def test_a_log_without_orders_is_an_error_that_lists_what_it_has(tmp_path):
    path = tmp_path / "views.csv"
    path.write_text(
        "id,when,what\n" + "".join(f"c1,2025-01-{day:02},Product Viewed\n" for day in range(1, 20))
    )
    with pytest.raises(InputError, match=r"expected orders .* Product Viewed"):
        run(path, "customer=id,time=when,event=what")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_on_a_real_shop_no_peer_is_better_than_ebbtide():
    path = SHARED / "online_retail.parquet"
    if not path.exists():
        pytest.skip("the log of the shop is not here")
    mapping = (
        "customer=CustomerID,time=InvoiceDate,order=InvoiceNo,product=StockCode,name=Description,"
        "quantity=Quantity,price=UnitPrice"
    )
    found = run(path, mapping, horizon=60, active=120).public(rolling=False)
    assert (found["test_cut"], found["n"]) == ("2011-10-11", 2_543)
    ours, *peers = found["models"]
    assert ours["log_loss"] <= 0.597
    assert all(ours["auc"] > peer["auc"] for peer in peers)
