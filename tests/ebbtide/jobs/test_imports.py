"""Import a log into features and archive."""

import pytest
from redis import Redis

from ebbtide.errors import InputError, StoreError
from ebbtide.jobs.imports import import_batches, import_file
from ebbtide.jobs.progress import silent
from ebbtide.logs.archive import read
from ebbtide.settings import Settings
from features import profile
from features.store.online import OnlineStore
from streaming.importing.importer import open_log
from streaming.importing.mapping import parse_mapping

NOW = 1_790_000_000.0
CSV = """id,when,no,sum
a,2026-01-01,1,10
a,2026-01-08,2,20
b,2026-01-09,3,5
b,someday,4,5
"""
MAPPING = parse_mapping("customer=id,time=when,order=no,value=sum")


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home")


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "shop.csv"
    path.write_text(CSV)
    return open_log(path, MAPPING)


def run(settings, client, log, **options):
    return import_file(settings, client, log, clock=lambda: NOW, progress=silent, **options)


def values(client: Redis, customer):
    state = OnlineStore(client).read(customer)
    return profile.named(profile.vector(state, NOW))


def test_a_file_becomes_features_and_archive(settings, redis, log):
    result = run(settings, redis, log)
    assert result.report.events == {"Order Completed": 3}
    assert (values(redis, "a")["orders_total"], values(redis, "a")["spend_total"]) == (2.0, 30.0)
    assert len(list(read([settings.events]))) == 3


def test_a_bad_line_is_kept_with_its_reason_and_the_rest_goes_on(settings, redis, log):
    result = run(settings, redis, log)
    assert result.report.rejected.total() == 1
    assert "someday" in result.rejected.read_text()


def test_strict_stops_at_the_bad_line_and_nothing_is_imported(settings, redis, log):
    with pytest.raises(InputError, match=r"shop\.csv, line 5"):
        run(settings, redis, log, strict=True)
    assert OnlineStore(redis).read("a") is None
    assert not run(settings, redis, log).already


def test_the_same_file_is_imported_once(settings, redis, log):
    run(settings, redis, log)
    assert run(settings, redis, log).already
    assert values(redis, "a")["orders_total"] == 2.0


def test_shifted_to_now_the_log_ends_now(settings, redis, log):
    result = run(settings, redis, log, shift_to_now=True)
    assert result.report.last == pytest.approx(NOW)
    assert values(redis, "b")["recency_days"] == pytest.approx(0.0, abs=1e-6)


def test_an_import_that_died_in_the_stream_goes_on_from_its_archive(settings, redis, log, monkeypatch):
    def dies(*_):
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr("ebbtide.jobs.imports._stream", dies)
        with pytest.raises(RuntimeError, match="killed"):
            run(settings, redis, log)

    def never(*_):
        raise AssertionError("read a second time")

    digest = next(iter(redis.hgetall("ebbtide:imports"))).decode()
    import_batches(settings, redis, digest, "shop.csv", never, clock=lambda: NOW, progress=silent)
    assert values(redis, "a")["orders_total"] == 2.0


def test_a_file_that_has_grown_brings_only_what_is_new(settings, redis, log):
    run(settings, redis, log)
    log.path.write_text(CSV + "a,2026-01-15,5,40\n")
    result = run(settings, redis, open_log(log.path, MAPPING))
    assert result.duplicates == 3
    assert values(redis, "a")["orders_total"] == 3.0
    assert len(list(read([settings.events]))) == 4


def test_one_event_twice_in_a_file_counts_once(settings, redis, tmp_path):
    path = tmp_path / "events.jsonl"
    line = (
        b'{"type":"track","event":"Order Completed","messageId":"m","userId":"a","timestamp":"2026-01-01"}\n'
    )
    path.write_bytes(line * 2)
    run(settings, redis, open_log(path))
    assert values(redis, "a")["orders_total"] == 1.0


def test_what_a_killed_import_left_half_written_does_not_stand_in_the_way(settings, redis, log):
    settings.events.mkdir(parents=True)
    (settings.events / "import-0001-shop.jsonl.zst.partial").write_bytes(b"half")
    run(settings, redis, log)
    assert [path.name for path in settings.events.iterdir()] == ["import-0001-shop.jsonl.zst"]
    assert values(redis, "a")["orders_total"] == 2.0


def test_an_import_is_refused_while_another_writes_features(settings, redis, log):
    redis.set("ebbtide:writer", "elsewhere 7 ebbtide stream")
    with pytest.raises(StoreError, match="ebbtide stream"):
        run(settings, redis, log)
