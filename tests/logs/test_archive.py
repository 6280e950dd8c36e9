import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebbtide.errors import InputError
from ebbtide.logs import archive
from ebbtide.logs.archive import ArchiveWriter


def test_what_was_written_is_read_back_in_name_order(tmp_path: Path) -> None:
    for prefix, line in (("b", b"2"), ("a", b"1"), ("c", b"3")):
        with ArchiveWriter(tmp_path, prefix) as part:
            part.write([line, line])
    assert list(archive.read([tmp_path])) == [b"1", b"1", b"2", b"2", b"3", b"3"]


def test_a_part_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    part = ArchiveWriter(tmp_path, "part")
    part.write([b"{}"])
    assert list(archive.read([tmp_path])) == []
    part.close()
    part.close()
    assert list(archive.read([tmp_path])) == [b"{}"]


def test_a_part_left_by_an_exception_leaves_nothing(tmp_path: Path) -> None:
    def lines() -> Iterator[bytes]:
        yield b"{}"
        raise RuntimeError

    with pytest.raises(RuntimeError), ArchiveWriter(tmp_path, "part") as part:
        part.write(lines())
    assert list(tmp_path.iterdir()) == []


def test_a_part_without_lines_makes_no_file(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path, "part"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_no_part_overwrites_another(tmp_path: Path) -> None:
    for line in (b"1", b"2", b"3"):
        with ArchiveWriter(tmp_path, "same") as part:
            part.write([line])
    assert sorted(archive.read([tmp_path])) == [b"1", b"2", b"3"]


@pytest.mark.parametrize("name", ["plain.jsonl", "packed.jsonl.gz"])
def test_plain_and_gzip_files_are_read_too(tmp_path: Path, name: str) -> None:
    text, path = b'{"a":1}\r\n\n{"a":2}', tmp_path / name
    path.write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    assert list(archive.read([path])) == [b'{"a":1}', b'{"a":2}']
    assert list(archive.read_lines(path)) == [b'{"a":1}', b"", b'{"a":2}']


def test_lines_longer_than_a_chunk_stay_whole(tmp_path: Path) -> None:
    lines = [b"x" * 3_000_000, b"y", b"z" * 1_500_000]
    with ArchiveWriter(tmp_path, "long") as part:
        part.write(lines)
    assert list(archive.read([tmp_path])) == lines


@settings(max_examples=30, deadline=None)
@given(lines=st.lists(st.binary(min_size=1).filter(lambda b: b"\n" not in b and not b.endswith(b"\r"))))
def test_any_lines_survive_the_round_trip(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("archive")
    with ArchiveWriter(folder, "any") as part:
        part.write(lines[:2])
        part.write(lines[2:])
    assert list(archive.read([folder])) == lines


@pytest.mark.parametrize("name", ["absent.jsonl", "damaged.jsonl.zst", "damaged.jsonl.gz"])
def test_a_missing_or_damaged_file_gives_one_clear_error(tmp_path: Path, name: str) -> None:
    if name.startswith("damaged"):
        (tmp_path / name).write_bytes(b"not compressed at all")
    with pytest.raises(InputError, match=name):
        list(archive.read([tmp_path / name]))


def test_a_line_that_a_death_cut_short_does_not_spoil_the_next(tmp_path: Path) -> None:
    live = archive.LiveArchive(tmp_path)
    live.append([b'{"a":1}'], 0.0)
    with (tmp_path / "live-1970-01-01.jsonl").open("ab") as file:
        file.write(b'{"a":')
    live.append([b'{"a":2}', b'{"a":3}'], 0.0)
    live.append([b'{"a":4}'], 0.0)
    assert list(archive.read([tmp_path])) == [b'{"a":1}', b'{"a":', b'{"a":2}', b'{"a":3}', b'{"a":4}']


def test_what_is_appended_after_the_parts_were_listed_is_not_read(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path, "import-1") as part:
        part.write([b"1"])
    live = archive.LiveArchive(tmp_path)
    live.append([b"2"], 0.0)
    parts = archive.parts(tmp_path)
    live.append([b"3"], 0.0)
    assert list(archive.read_parts(parts)) == [b"1", b"2"]
    assert list(archive.read_parts(archive.parts(tmp_path))) == [b"1", b"2", b"3"]
    assert archive.parts(tmp_path / "nothing") == []
