import json

import pytest
from typer.testing import CliRunner

from ebbtide.cli import app
from ebbtide.errors import InputError
from ebbtide.jobs.check import check
from ebbtide.jobs.items import report, take_items
from ebbtide.jobs.progress import silent
from ebbtide.logs.items import ItemCatalogue
from ebbtide.settings import Settings
from features.signals.testing import order
from models.recommendations.item_rebuild import rebuild
from models.recommendations.item_store import ItemStore

NOW = 1_700_000_000.0


@pytest.fixture
def take(redis, tmp_path):
    """Take in a file of items."""

    def look(text, mapping=None, name="items.csv", now=NOW):
        path = tmp_path / name
        path.write_text(text)
        settings = Settings(home=tmp_path / "home")
        return take_items(settings, redis, path, mapping, clock=lambda: now, progress=silent)

    return look


def test_a_file_describes_items_and_keeps_what_cannot_be_used(take, redis):
    taken = take("id,name,price,stock\ntea,Tea,2.5,0\n,Pot,3,1\nink,Ink,cheap,1\npen,Pen,1,\n")
    assert (taken.new, taken.known, taken.back_in_stock) == (2, 0, 0)
    assert taken.rejected == {
        "`id`: expected text or an integer, found none": 1,
        "`price`: expected a number from 0 on, found 'cheap'": 1,
    }
    kept = [json.loads(line) for line in taken.kept.read_text().splitlines()]
    assert [(each["line"], each["raw"]["name"]) for each in kept] == [(3, "Pot"), (4, "Ink")]
    assert ItemCatalogue(redis).many(["tea", "pot", "ink", "pen"]).keys() == {"tea", "pen"}


def test_a_file_of_stocks_alone_leaves_the_rest_as_it_was(take, redis):
    take("id,name,stock\ntea,Tea,0\npen,Pen,4\n")
    taken = take("SKU,LEFT\ntea,3\npen,2\n", "id=SKU,stock=LEFT", "stock.csv", NOW + 1)
    assert (taken.new, taken.known, taken.back_in_stock, taken.kept) == (0, 2, 1, None)
    assert ItemCatalogue(redis).get("tea").name == "Tea"
    assert ItemCatalogue(redis).get("tea").stock == 3.0


def test_a_file_of_more_than_one_block_is_taken_whole(take, redis):
    taken = take("id\n" + "".join(f"{number}\n" for number in range(2_500)))
    assert taken.new == ItemCatalogue(redis).count() == 2_500


def test_a_file_of_which_no_row_can_be_used_is_an_error(take):
    with pytest.raises(InputError, match="none of 2 rows can be used; 2 times: `id`"):
        take("id,name\n,Tea\n,Pot\n")


def test_the_report_names_what_was_bought_and_not_described(take, redis):
    rebuild([order(19_000, products={"tea": 1, "pot": 1, "cup": 1})], ItemStore(redis))
    take("id,stock,availableUntil\ntea,0,\npen,1,2020-01-01\nink,1,\n")
    found = report(redis, NOW)
    assert (found.described, found.sold_out, found.out_of_dates) == (3, 1, 1)
    assert (found.bought, found.unknown, found.examples) == (3, 2, ["cup", "pot"])


def test_the_check_says_what_is_described_and_what_is_missing(take, redis, tmp_path):
    def look():
        found = {each.part: each for each in check(Settings(home=tmp_path / "home"), redis, lambda: NOW)}
        assert found["items"].ok
        return found["items"].text

    assert look().startswith("none described")
    rebuild([order(19_000, products={"tea": 1, "pot": 1})], ItemStore(redis))
    take("id,stock\ntea,0\n")
    assert look() == "1 described, 1 sold out; not described, such as pot: 1"


def test_the_verb_prints_what_it_took_and_what_there_is(tmp_path, monkeypatch):
    monkeypatch.setenv("EBBTIDE_HOME", str(tmp_path / "home"))
    path = tmp_path / "items.csv"
    path.write_text("SKU,TITLE,LEFT\ntea,Tea,0\n,Pot,1\n")
    command = ["items", str(path), "--map", "id=SKU,name=TITLE,stock=LEFT"]
    taken = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert (taken["new"], taken["known"], list(taken["rejected"].values())) == (1, 0, [1])
    again = CliRunner().invoke(app, command).stdout
    assert "items.csv: 0 items are new, 1 were known" in again
    assert "1  `id`: expected text or an integer, found none" in again
    shown = CliRunner().invoke(app, ["items"]).stdout
    assert "1 items are described: 1 sold out, 0 outside of their dates" in shown
    assert json.loads(CliRunner().invoke(app, ["items", "--json"]).stdout)["described"] == 1
