"""States over time on disk."""

import math

import pyarrow.parquet as pq
import pytest

from features.history import HistoryWriter, Row, customers, parts, span


def rows(*days):
    return [Row(f"c{day}", b"s%d" % day, day * 86_400.0) for day in days]


def die_after(folder, *days):
    """Append, and end as a killed process does: the kernel closes the file, nobody rolls it."""
    writer = HistoryWriter(folder)
    writer.append(rows(*days))
    writer._journal.close()


def read(folder):
    return sorted(row["customer_id"] for path in parts(folder) for row in pq.read_table(path).to_pylist())


def test_rows_become_parquet_on_close(tmp_path):
    writer = HistoryWriter(tmp_path)
    writer.append(rows(1, 2))
    assert read(tmp_path) == []
    writer.close()
    assert read(tmp_path) == ["c1", "c2"]
    assert customers(tmp_path) == ["c1", "c2"]
    assert span(tmp_path) == (86_400.0, 2 * 86_400.0)


def test_rows_of_a_writer_that_died_are_found_by_the_next(tmp_path):
    die_after(tmp_path, 1, 2)
    HistoryWriter(tmp_path).close()
    assert read(tmp_path) == ["c1", "c2"]


def test_a_last_row_cut_short_does_not_take_the_others_along(tmp_path):
    die_after(tmp_path, 1, 2)
    [journal] = tmp_path.glob(".*.journal")
    journal.write_bytes(journal.read_bytes()[:-1])
    HistoryWriter(tmp_path).close()
    assert read(tmp_path) == ["c1"]


def test_enough_rows_roll_by_themselves(tmp_path):
    writer = HistoryWriter(tmp_path, roll_rows=2)
    for day in range(1, 8):
        writer.append(rows(day))
    writer.close()
    assert read(tmp_path) == [f"c{day}" for day in range(1, 8)]
    assert len(parts(tmp_path)) == 4
    assert list(tmp_path.glob(".*")) == []


def test_rows_that_cannot_become_parquet_stay_in_the_journal_and_the_writer_says_so(tmp_path):
    writer = HistoryWriter(tmp_path)
    writer.append([Row("c1", b"s1", math.nan)])
    with pytest.raises(ValueError, match="NaN"):
        writer.close()
    assert len(list(tmp_path.glob(".*.journal"))) == 1


def test_no_history_has_no_span(tmp_path):
    assert span(tmp_path) is None
    assert customers(tmp_path) == []


def test_the_journal_of_a_writer_at_work_is_left_alone(tmp_path):
    at_work = HistoryWriter(tmp_path)
    at_work.append(rows(1))
    HistoryWriter(tmp_path).close()
    assert read(tmp_path) == []
    at_work.append(rows(2))
    at_work.close()
    assert read(tmp_path) == ["c1", "c2"]
    assert list(tmp_path.glob(".*.journal")) == []
