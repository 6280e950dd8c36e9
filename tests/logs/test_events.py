"""One conformance suite for every event log, and what only Redis can show."""

import time
import zlib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.exceptions import RedisError

from ebbtide.errors import BacklogError, ConfigError
from ebbtide.logs.events import (
    BEGINNING,
    DEDUPLICATION_SECONDS,
    EventLog,
    MemoryEventLog,
    Offset,
    Record,
    RedisEventLog,
    offset_text,
    parse_offset,
    partition_of,
    stream_key,
)
from ebbtide.logs.kafka import KafkaEventLog

MakeLog = Callable[[int], EventLog]


@pytest.fixture(params=["memory", "redis", "kafka"])
def make_log(request: pytest.FixtureRequest) -> MakeLog:
    if request.param == "memory":
        return MemoryEventLog
    client = request.getfixturevalue("redis")
    if request.param == "redis":
        return lambda partitions: RedisEventLog(client, partitions)
    kafka = request.getfixturevalue("kafka")
    return lambda partitions: KafkaEventLog(client, partitions, kafka.servers, kafka.topic(partitions))


def read(log: EventLog, partition: int, after: Offset, count: int) -> list[Record]:
    """What a log has, up to `count` records: one that fetches in the background may need several reads."""
    found: list[Record] = []
    last = log.last_offset(partition)
    for _ in range(2_000):
        found += log.read(partition, found[-1].offset if found else after, count - len(found))
        if len(found) == count or (found[-1].offset if found else after) >= last:
            return found
        time.sleep(0.002)
    raise AssertionError(f"expected records up to {last}, found {len(found)}")


def test_what_is_appended_is_read_back_in_order(make_log: MakeLog):
    log = make_log(1)
    assert log.append([("a", "m1", b"one"), ("b", "m2", b"two"), ("a", "m3", b"three")]) == 3
    records = read(log, 0, BEGINNING, 10)
    assert [record.raw for record in records] == [b"one", b"two", b"three"]
    assert sorted(records, key=lambda record: record.offset) == records
    assert {record.partition for record in records} == {0}


def test_reading_resumes_after_an_offset(make_log: MakeLog):
    log = make_log(1)
    log.append([("a", f"m{n}", str(n).encode()) for n in range(5)])
    first = read(log, 0, BEGINNING, 2)
    rest = read(log, 0, first[-1].offset, 10)
    assert [record.raw for record in first + rest] == [b"0", b"1", b"2", b"3", b"4"]
    assert read(log, 0, rest[-1].offset, 10) == []


def test_a_message_sent_twice_is_logged_once(make_log: MakeLog):
    log = make_log(4)
    assert log.append([("a", "m1", b"x"), ("a", "m1", b"x")]) == 1
    assert log.append([("a", "m1", b"x"), ("a", "m2", b"y")]) == 1
    assert log.length() == 2


def test_an_empty_append_logs_nothing(make_log: MakeLog):
    log = make_log(2)
    assert log.append([]) == 0
    assert log.length() == 0


def test_what_the_flow_passes_on_is_taken_by_every_log(make_log: MakeLog):
    log = make_log(1)
    assert log.append([("c", "m1", b"one")], bounded=False) == 1
    assert log.append([("c", "m1", b"one")], bounded=False) == 0


def test_a_full_log_refuses_senders_and_not_the_flow(redis: Redis):
    log = RedisEventLog(redis, partitions=1, backlog=1)
    log.append([("c", "m1", b"one")])
    with pytest.raises(BacklogError):
        log.append([("c", "m2", b"two")])
    assert log.append([("c", "m2", b"two")], bounded=False) == 1


def test_an_empty_partition_starts_at_the_beginning(make_log: MakeLog):
    log = make_log(2)
    assert log.last_offset(0) == BEGINNING
    log.append([("a", "m1", b"x")])
    own = partition_of("a", 2)
    assert log.last_offset(own) == read(log, own, BEGINNING, 1)[0].offset
    assert log.last_offset(1 - own) == BEGINNING


def test_any_bytes_survive_the_log(make_log: MakeLog):
    log = make_log(1)
    log.append([("ключ", "m\n1", bytes(range(256)))])
    assert read(log, 0, BEGINNING, 1)[0].raw == bytes(range(256))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(
        st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 20)), max_size=8), max_size=6
    )
)
def test_retries_never_lose_nor_double_an_event(make_log: MakeLog, redis: Redis, batches):
    redis.flushall()
    log = make_log(3)
    logged = 0
    for batch in batches + batches:  # the second half is a retry of everything
        logged += log.append([(who, f"{who}{n}", f"{who}{n}".encode()) for who, n in batch])
    found = [record.raw for part in range(3) for record in read(log, part, BEGINNING, 10_000)]
    expected = {f"{who}{n}".encode() for batch in batches for who, n in batch}
    assert sorted(found) == sorted(expected)
    assert logged == len(expected)


def test_a_customer_has_the_same_partition_in_every_process():
    assert partition_of("14911", 8) == zlib.crc32(b"14911") % 8
    assert {partition_of(str(n), 8) for n in range(1000)} == set(range(8))


def test_offsets_sort_as_numbers_and_are_written_as_redis_writes_them():
    texts = [b"9-10", b"10-2", b"10-11"]
    offsets = [parse_offset(text) for text in texts]
    assert sorted(offsets) == offsets
    assert [offset_text(offset).encode() for offset in offsets] == texts


def test_a_failed_append_does_not_swallow_the_retry(redis: Redis):
    log = RedisEventLog(redis, 1)
    redis.set(stream_key(0), "not a stream")
    with pytest.raises(RedisError):
        log.append([("a", "m1", b"x")])
    redis.delete(stream_key(0))
    assert log.append([("a", "m1", b"x")]) == 1


def test_a_message_id_is_remembered_for_a_day(redis: Redis):
    RedisEventLog(redis, 1).append([("a", "m1", b"x")])
    assert DEDUPLICATION_SECONDS - 60 < redis.ttl("ebbtide:{p0}:seen:m1") <= DEDUPLICATION_SECONDS == 86_400


def test_another_partition_count_is_refused(redis: Redis):
    RedisEventLog(redis, 4).append([("a", "m1", b"x")])
    assert RedisEventLog(redis, 4).length() == 1
    with pytest.raises(ConfigError, match=r"expected 8 partitions, found one of 4.*EBBTIDE_PARTITIONS=4"):
        RedisEventLog(redis, 8).read(0, BEGINNING, 1)
