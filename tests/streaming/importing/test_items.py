import json
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from ebbtide.errors import InputError
from streaming.importing.items import item_mapping, read_items


@pytest.fixture
def read(tmp_path):
    """What a file holds, and its faults."""

    def look(content, name="items.csv", mapping=None):
        path = tmp_path / name
        if isinstance(content, pl.DataFrame):
            content.write_parquet(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        faults = []
        rows = list(read_items(path, None if mapping is None else item_mapping(mapping), faults))
        return rows, [(fault.line, fault.reason) for fault in faults]

    return look


def test_columns_are_fields_by_their_names_and_all_others_attributes(read):
    rows, faults = read("ID;Name;available_until;Price;grams;sku_old\ntea;Tea;2026-01-31;2.50;100;007\n")
    item = {"id": "tea", "name": "Tea", "availableUntil": "2026-01-31", "price": "2.50"}
    assert rows == [(2, item | {"attributes": {"grams": 100.0, "sku_old": "007"}})]
    assert faults == []


def test_with_a_mapping_other_columns_are_not_read(read):
    rows, _ = read("SKU,TITLE,X,W\n1,Tea,x,5\n", mapping="id=SKU,name=TITLE,attributes.grams=W")
    assert rows == [(2, {"id": "1", "name": "Tea", "attributes": {"grams": 5.0}})]


def test_an_empty_cell_says_nothing_and_a_row_without_an_id_is_given_as_it_is(read):
    rows, _ = read("id,name,stock\ntea,,4\n,Pot,1\n")
    assert rows == [(2, {"id": "tea", "stock": "4"}), (3, {"name": "Pot", "stock": "1"})]


def test_lines_that_are_not_of_the_format_are_told(read):
    assert read(b"id,name\ntea,Tea\n\xff,x\na,b,c\n") == (
        [(2, {"id": "tea", "name": "Tea"})],
        [(3, "not UTF-8"), (4, "expected 2 fields")],
    )


def test_json_lines_are_items_as_the_api_has_them(read):
    tea = {"id": "tea", "attributes": {"organic": True}, "stock": None}
    rows, faults = read(f"{json.dumps(tea)}\n\n[1]\n{{\n", "items.jsonl")
    assert (rows, faults) == ([(1, tea), (3, [1])], [(4, "not JSON")])


def test_json_lines_with_a_mapping_are_a_table(read):
    rows, _ = read('{"sku": 17850, "left": 3}\n', "items.jsonl", "id=sku,stock=left")
    assert rows == [(1, {"id": "17850", "stock": "3"})]


def test_a_parquet_file_keeps_its_types(read):
    moment = datetime(2026, 1, 1, 12, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "id": [17850.0, None],
            "price": [Decimal("2.50"), None],
            "availableFrom": [moment, None],
            "availableUntil": [date(2026, 1, 31), None],
            "organic": [True, None],
            "stock": [float("nan"), 2.0],
        }
    )
    rows, _ = read(frame, "items.parquet")
    first = {"id": 17850, "price": 2.5, "availableFrom": "2026-01-01T12:00:00+00:00"}
    first |= {"availableUntil": "2026-01-31", "attributes": {"organic": True}}
    assert rows == [(1, first), (2, {"stock": 2.0})]


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ("id", "expected field=column"),
        ("sku=SKU", "no field 'sku'; the fields are: id, name, category"),
        ("attributes.=x,id=a", "no field 'attributes.'"),
        ("id=a,id=b", "'id' is given twice"),
        ("name=TITLE", "expected a column for 'id'"),
    ],
)
def test_a_bad_mapping_is_told(mapping, told):
    with pytest.raises(InputError, match=told):
        item_mapping(mapping)


@pytest.mark.parametrize(
    ("content", "name", "mapping", "told"),
    [
        ("", "items.csv", None, "found an empty file"),
        ("sku,name\n1,Tea\n", "items.csv", None, "expected a column `id`, found sku, name"),
        ("id,name\n1,Tea\n", "items.csv", "id=sku", "no column sku; the columns are: id, name"),
        ("id\n1\n", "items.xlsx", None, "expected .parquet, .csv"),
        ("id,name\n", "items.csv", None, "found no rows"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(read, content, name, mapping, told):
    with pytest.raises(InputError, match=told):
        read(content, name, mapping)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        list(read_items(tmp_path / "none.csv", None, []))
