"""Evaluating recommendations from a file: the object that it gives, whom it tests, and its errors."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from ebbtide.errors import InputError, ModelError
from ebbtide.jobs.evaluate_recommendations import evaluate_recommendations
from ebbtide.jobs.progress import silent
from models.recommendations.recommend_peers import implicit_installed
from streaming.importing.importer import open_log
from streaming.importing.mapping import parse_mapping
from tests.models.shop_log import BEGIN, purchases, rebuyers

SHARED = Path(__file__).parents[4] / "shared" / "data"
MAP = "customer=who,time=when,product=what"
FIGURES = {"name", "recall_at_10", "ndcg_at_10", "hit_at_10", "new_recall_at_10", "new_ndcg_at_10"}
PEERS = ["popularity", "trending", "own_most_bought"]
LIBRARY = ["item_knn", "bm25", "als"]


def write(path, log=None):
    log = rebuyers(customers=60, days=60) if log is None else log
    frame = pl.DataFrame(
        {
            "who": [log.customers[place] for place in log.customer],
            "what": [log.products[place] for place in log.product],
            "when": [f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}" for at in log.at],
        }
    )
    frame.write_csv(path)
    return path


def run(path, days=10, mapping=MAP):
    log = open_log(path, parse_mapping(mapping))
    return evaluate_recommendations(log, days=days, clock=lambda: BEGIN + 1e9, progress=silent)


def test_each_model_has_its_figures_and_ours_comes_first(tmp_path):
    found = run(write(tmp_path / "log.csv")).public()
    names = [model["name"] for model in found["models"]]
    assert names == ["ebbtide", *PEERS, *(LIBRARY if implicit_installed() else [])]
    assert all(set(model) == FIGURES for model in found["models"])
    assert all(0.0 <= model[key] <= 1.0 for model in found["models"] for key in FIGURES - {"name"})
    assert (found["days"], found["data"]) == (10, "log.csv")


def test_only_customers_known_before_the_test_who_bought_in_it_are_tested(tmp_path):
    log = rebuyers(customers=60, days=60)
    path = write(tmp_path / "log.csv", log)
    end = datetime.fromtimestamp(log.at.max(), UTC)
    with path.open("a") as file:
        file.write(f"newcomer,own1,{end:%Y-%m-%d %H:%M:%S}\n")
        file.write(f"gone,own1,{end - timedelta(days=40):%Y-%m-%d %H:%M:%S}\n")
    assert run(path).customers == 60


def test_of_a_log_by_day_the_last_days_are_the_test_and_not_one_more(tmp_path):
    path = write(tmp_path / "log.csv")
    path.write_text(re.sub(r" \d\d:\d\d:\d\d", "", path.read_text()))
    found = run(path)
    days = sorted(set(pl.read_csv(path)["when"]))
    cut = days.index(found.cut)
    assert len(days) - 1 - cut == 10


def test_a_test_as_long_as_the_log_is_an_error(tmp_path):
    with pytest.raises(
        InputError, match="expected a log longer than the 60 days of the test, found 2023-11-14"
    ):
        run(write(tmp_path / "log.csv"), days=60)


def test_a_log_without_products_is_an_error_that_says_how_to_name_the_column(tmp_path):
    with pytest.raises(InputError, match=r"found no product in any order .*product=SKU"):
        run(write(tmp_path / "log.csv"), mapping="customer=who,time=when")


def test_too_few_customers_are_an_error(tmp_path):
    path = write(tmp_path / "log.csv", rebuyers(customers=10, days=60))
    with pytest.raises(ModelError, match=r"at least 50 customers who bought before .* found 10"):
        run(path)


def test_of_one_product_that_all_buy_there_are_figures_and_none_of_new_ones(tmp_path):
    log = purchases([(f"c{who}", "only", who % 9 + day) for who in range(60) for day in range(0, 50, 9)])
    found = run(write(tmp_path / "log.csv", log))
    assert found.customers_new == 0
    assert {model["recall_at_10"] for model in found.models} == {1.0}
    assert "ranked by a plain rule" in found.notes[0]


def test_without_implicit_a_note_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr("models.recommendations.recommend_peers.implicit_installed", lambda: False)
    found = run(write(tmp_path / "log.csv"))
    assert [model["name"] for model in found.models] == ["ebbtide", *PEERS]
    assert 'implicit is not installed: pip install "ebbtide[peers]"' in found.notes[0]


def test_the_verb_prints_one_json_object_or_a_table(tmp_path):
    command = [sys.executable, "-m", "ebbtide", "evaluate", "recommendations"]
    command += [str(write(tmp_path / "log.csv")), "--map", MAP, "--days", "10"]
    printed = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    assert json.loads(printed.stdout)["models"][0]["name"] == "ebbtide"
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "own_most_bought" in shown.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_on_a_real_shop_ours_is_ahead_of_every_peer(tmp_path):
    path = SHARED / "online_retail.parquet"
    if not path.exists():
        pytest.skip("the log of the shop is not here")
    roles = "customer=CustomerID,time=InvoiceDate,order=InvoiceNo,product=StockCode,quantity=Quantity"
    found = run(path, days=30, mapping=f"{roles},price=UnitPrice")
    ours, *peers = found.models
    assert found.customers == 1_380
    for key in ("recall_at_10", "ndcg_at_10", "new_recall_at_10", "new_ndcg_at_10"):
        assert ours[key] > max(peer[key] for peer in peers)
