import gzip
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebbtide.errors import InputError
from ebbtide.logs.rejected import Rejection
from streaming.importing.mapping import parse_mapping
from streaming.importing.tables import column_names, read_table

MAPPING = parse_mapping("customer=who,time=when,name=what")


def read(
    path: Path, content: str | bytes
) -> tuple[list[tuple[int, str, str, str]], list[tuple[int | None, str]]]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    faults: list[Rejection] = []
    return read_table(path, MAPPING, faults).rows(), [(fault.line, fault.reason) for fault in faults]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " "])
def test_the_delimiter_of_a_csv_is_found(tmp_path: Path, delimiter: str) -> None:
    content = "\n".join(
        delimiter.join(row) for row in (["x", "who", "when", "what"], ["", "1", "2020", "tea"])
    )
    assert read(tmp_path / "shop.csv", content) == ([(2, "1", "2020", "tea")], [])


@pytest.mark.parametrize("header", ["ordered by,who,when", '"who of them"'])
def test_a_space_in_a_name_parts_no_columns(tmp_path: Path, header: str) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(header)
    assert column_names(path) == header.replace('"', "").split(",")


def test_a_csv_may_have_a_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbfwho,when,what\r\n1,2020,tea\r\n"
    assert read(tmp_path / "shop.csv", content) == ([(2, "1", "2020", "tea")], [])


def test_ragged_and_undecodable_lines_do_not_break_the_rest(tmp_path: Path) -> None:
    content = b"who,when,what\n1,2020\n2,2020,caf\xe9\n\n3,2020,tea\n4,2020,tea,extra\n5,2020,milk"
    rows, faults = read(tmp_path / "shop.csv", content)
    assert rows == [(5, "3", "2020", "tea"), (7, "5", "2020", "milk")]
    assert faults == [(2, "expected 3 fields"), (3, "not UTF-8"), (6, "expected 3 fields")]


def test_a_quoted_field_may_hold_delimiters_quotes_and_line_ends(tmp_path: Path) -> None:
    content = 'who,when,what\n1,2020,"tea, ""green""\nloose"\n2,2020,milk\n'
    rows, faults = read(tmp_path / "shop.csv", content)
    assert rows == [(2, "1", "2020", 'tea, "green"\nloose'), (4, "2", "2020", "milk")]
    assert faults == []


@pytest.mark.parametrize("closing", ["", '20000,2020,"milk"'])
def test_a_stray_quote_costs_one_line_at_most(tmp_path: Path, closing: str) -> None:
    lines = ["who,when,what", '1,2020,"tea', *(f"{n},2020,milk" for n in range(2, 20_000)), closing]
    rows, faults = read(tmp_path / "shop.csv", "\n".join(lines))
    assert {row[1] for row in rows} >= {str(n) for n in range(2, 20_000)}
    assert len(rows) + len(faults) == len([line for line in lines if line]) - 1


@settings(max_examples=60, deadline=None)
@given(junk=st.lists(st.binary(max_size=30), max_size=8))
def test_no_line_of_a_csv_is_lost_silently(
    tmp_path_factory: pytest.TempPathFactory, junk: list[bytes]
) -> None:
    lines = [line.replace(b"\n", b"").replace(b"\r", b"").replace(b'"', b"") for line in junk]
    content = b"who,when,what\n" + b"\n".join(lines) + b"\n9,2020,tea\n"
    rows, faults = read(tmp_path_factory.mktemp("csv") / "shop.csv", content)
    readable = [line for line in lines if line.decode("utf-8", "replace").strip()]
    assert len(rows) + len(faults) == len(readable) + 1
    assert rows[-1] == (len(lines) + 2 if lines else 3, "9", "2020", "tea")


def test_json_lines_keep_ids_as_text_and_broken_lines_apart(tmp_path: Path) -> None:
    content = (
        '{"who":"00001","when":1577836800,"what":"tea"}\n{broken\n[1]\n\n'
        '{"who":17850.0,"when":"2020","what":null}\n'
    )
    rows, faults = read(tmp_path / "shop.jsonl", content)
    assert rows == [(1, "00001", "1577836800", "tea"), (5, "17850", "2020", None)]
    assert faults == [(2, "not a JSON object"), (3, "not a JSON object")]


def test_compressed_text_is_read(tmp_path: Path) -> None:
    content = gzip.compress(b"who,when,what\n1,2020,tea\n")
    assert read(tmp_path / "shop.csv.gz", content) == ([(2, "1", "2020", "tea")], [])


def test_only_mapped_columns_of_parquet_are_read(tmp_path: Path) -> None:
    path = tmp_path / "shop.parquet"
    pl.DataFrame({"other": [1], "what": ["tea"], "who": [7], "when": [0]}).write_parquet(path)
    assert read_table(path, MAPPING, []).rows(named=True) == [
        {"line": 1, "customer": 7, "time": 0, "name": "tea"}
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "empty file"),
        ("a.csv", b"who,when,what\n", "found no rows"),
        ("a.csv", b"\n1,2,3\n", "header in the first line"),
        ("a.csv", b"\xff\xfewho", "expected text in UTF-8, .* iconv"),
        ("a.csv", b"who,date\n1,2\n", "no column when, what; the columns are: who, date"),
        ("a.jsonl", b'{"who":1}\n', "no column when, what; the columns are: who"),
        ("a.parquet", b"PAR1 no", "not a parquet file"),
        ("a.xlsx", b"PK", "expected .parquet, .csv"),
    ],
)
def test_a_file_that_cannot_be_used_gives_one_clear_error(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path / name, content)


def test_a_parquet_file_without_rows_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame(schema={"who": pl.String, "when": pl.String, "what": pl.String}).write_parquet(path)
    with pytest.raises(InputError, match="found no rows"):
        read_table(path, MAPPING, [])
