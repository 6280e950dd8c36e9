import gzip
import json
from pathlib import Path

import pytest

from ebbtide.domain.event import decode
from ebbtide.domain.ingest import MAX_EVENT_BYTES
from ebbtide.errors import InputError
from ebbtide.logs.archive import ArchiveWriter
from ebbtide.logs.rejected import RejectedLog
from streaming.importing.importer import import_events, open_log
from streaming.importing.report import Report

NOW = 1_800_000_000.0


def call(at: object, customer: str = "7", **others: object) -> dict[str, object]:
    fields = {"type": "track", "event": "Order Completed", "userId": customer, "timestamp": at}
    return fields | others


def write(path: Path, *lines: object) -> Path:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def run(
    path: Path, *, shift_to_now: bool = False, strict: bool = False
) -> tuple[list[bytes], Report, RejectedLog]:
    report, rejected = Report(), RejectedLog(path.parent / "rejected")
    batches = import_events(
        open_log(path), rejected, report, now=NOW, shift_to_now=shift_to_now, strict=strict
    )
    return [raw for batch in batches for raw in batch], report, rejected


def test_events_come_in_time_order_with_their_own_times(tmp_path: Path) -> None:
    path = write(tmp_path / "e.jsonl", call("2020-01-02T00:00:00Z", "b"), call("2020-01-01T00:00:00Z", "a"))
    raws, report, _ = run(path)
    assert [(event.customer, event.at) for event in map(decode, raws)] == [
        ("a", 1_577_836_800.0),
        ("b", 1_577_923_200.0),
    ]
    assert (report.events, report.first, report.last) == (
        {"Order Completed": 2},
        1_577_836_800.0,
        1_577_923_200.0,
    )


def test_properties_that_ebbtide_does_not_read_are_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "e.jsonl.gz", call("2020-01-01", context={"ip": "::1"}, properties={"odd": [1]}))
    [raw] = run(path)[0]
    assert json.loads(raw)["context"] == {"ip": "::1"}
    assert json.loads(raw)["properties"] == {"odd": [1]}


def test_the_clock_rule_counts_where_the_receipt_is_known(tmp_path: Path) -> None:
    sent_only = call("2020-01-01T00:00:00Z", sentAt="2020-01-01T00:00:10Z")
    received = sent_only | {"receivedAt": "2020-01-01T01:00:00Z", "originalTimestamp": "2020-01-01T00:00:00Z"}
    raws, _, _ = run(write(tmp_path / "e.jsonl", sent_only, received))
    assert [event.at - 1_577_836_800.0 for event in map(decode, raws)] == [0.0, 3590.0]


def test_an_archive_reads_back_as_it_was_written(tmp_path: Path) -> None:
    first, _, _ = run(write(tmp_path / "e.jsonl", call("2020-01-01"), call("2020-01-02", messageId="m2")))
    with ArchiveWriter(tmp_path, "kept") as part:
        part.write(first)
    assert [decode(raw) for raw in run(part.path)[0]] == [decode(raw) for raw in first]


def test_an_order_too_large_for_the_api_is_read_from_a_file(tmp_path: Path) -> None:
    lines = [{"product_id": str(n), "price": 1.0} for n in range(2_000)]
    path = write(tmp_path / "e.jsonl", call("2020-01-01", properties={"products": lines}))
    [raw] = run(path)[0]
    assert len(raw) > MAX_EVENT_BYTES
    assert len(decode(raw).properties.products) == 2_000


def test_a_moved_event_stays_moved_when_it_is_read_again(tmp_path: Path) -> None:
    path = write(
        tmp_path / "e.jsonl", call("2020-01-01", sentAt="2020-01-01"), call("2020-01-03", messageId="m2")
    )
    moved, report, _ = run(path, shift_to_now=True)
    assert [decode(raw).at for raw in moved] == [NOW - 2 * 86_400, NOW]
    assert report.last == NOW
    again, _, _ = run(write(tmp_path / "again.jsonl", *map(json.loads, moved)))
    assert [decode(raw).at for raw in again] == [NOW - 2 * 86_400, NOW]


def test_a_line_without_an_id_gets_the_same_one_every_time(tmp_path: Path) -> None:
    path = write(tmp_path / "e.jsonl", call("2020-01-01"), call("2020-01-02"))
    once, twice = run(path)[0], run(path)[0]
    assert once == twice
    assert len({decode(raw).id for raw in once}) == 2


def test_bad_lines_are_kept_with_their_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = write(
        tmp_path / "e.jsonl",
        "{broken",
        "",
        "[1]",
        call("2020-01-01", type="sneeze"),
        call("soon"),
        call(None),
        call("2999-01-01"),
        {"type": "track", "event": "x", "timestamp": "2020-01-01"},
        call("2020-01-01"),
    )
    raws, report, rejected = run(path)
    assert len(raws) == 1
    kept = [json.loads(line) for line in rejected.path("e.jsonl").read_text().splitlines()]
    assert [row["line"] for row in kept] == [1, 3, 4, 5, 6, 7, 8]
    assert (report.lines, rejected.count) == (8, 7)
    assert {"not JSON", "no time", "time in the future"} <= report.rejected.keys()
    assert kept[0]["raw"] == "{broken"


def test_strict_stops_at_the_first_bad_line(tmp_path: Path) -> None:
    path = write(tmp_path / "e.jsonl", call("2020-01-01"), "{broken", call("soon"))
    with pytest.raises(InputError, match=r"e.jsonl, line 2: not JSON"):
        run(path, strict=True)
