import json
import threading
from pathlib import Path

import pytest

from ebbtide.logs.rejected import MAX_REASONS, OTHER, RejectedLog, Rejection


def kept(log: RejectedLog, source: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.path(source).read_text().splitlines()]


def test_a_rejection_keeps_its_time_source_line_reason_and_raw(tmp_path: Path) -> None:
    log = RejectedLog(tmp_path / "rejected")
    log.reject("shop.csv", 12, "no customer", {"price": 3}, at=1_700_000_000.0)
    assert kept(log, "shop.csv") == [
        {
            "at": "2023-11-14T22:13:20Z",
            "source": "shop.csv",
            "line": 12,
            "reason": "no customer",
            "raw": {"price": 3},
        }
    ]


def test_reasons_are_counted(tmp_path: Path) -> None:
    log = RejectedLog(tmp_path)
    log.reject_many("s", [Rejection(1, "a", None), Rejection(2, "b", None), Rejection(3, "a", None)], at=0.0)
    log.reject("s", None, "a", None, at=0.0)
    assert (log.count, dict(log.reasons)) == (4, {"a": 3, "b": 1})


@pytest.mark.parametrize("source", ["../../etc/passwd", "a/b", "", "...", "x" * 500, "späti\n"])
def test_no_source_name_leads_out_of_the_folder(tmp_path: Path, source: str) -> None:
    log = RejectedLog(tmp_path)
    log.reject(source, 1, "bad", "raw", at=0.0)
    assert [path.parent for path in tmp_path.rglob("*.jsonl")] == [tmp_path]
    assert kept(log, source)[0]["source"] == source


@pytest.mark.parametrize("raw", [b"\xff\xfe", float("nan"), "\ud800", object(), {"a": "\udcff"}, 1 << 80])
def test_anything_can_be_rejected(tmp_path: Path, raw: object) -> None:
    log = RejectedLog(tmp_path)
    log.reject("api", None, "bad", raw, at=0.0)
    assert len(kept(log, "api")) == log.count == 1


def test_threads_share_one_log(tmp_path: Path) -> None:
    log = RejectedLog(tmp_path)

    def work(number: int) -> None:
        for line in range(50):
            log.reject("api", line, "bad", "x" * 5_000, at=float(number))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept(log, "api")) == log.count == 400


def test_new_reasons_cannot_fill_memory(tmp_path: Path) -> None:
    log = RejectedLog(tmp_path)
    log.reject_many("api", (Rejection(None, f"reason {n}", None) for n in range(MAX_REASONS + 5)), at=0.0)
    assert log.reasons[OTHER] == 5
    assert log.count == MAX_REASONS + 5
