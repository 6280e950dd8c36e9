"""What only the log on Kafka can show; what every log does is in the conformance suite beside."""

import threading
import time
from collections.abc import Callable

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from ebbtide.domain.ingest import accept
from ebbtide.errors import ConfigError, StoreError
from ebbtide.jobs.event_log import open_log
from ebbtide.jobs.stream import stream
from ebbtide.logs.events import (
    BEGINNING,
    DEDUPLICATION_SECONDS,
    Record,
    RedisEventLog,
    partition_of,
)
from ebbtide.logs.kafka import KafkaEventLog
from ebbtide.settings import Settings
from features.profile import named, vector
from features.store.online import OnlineStore
from tests.logs.conftest import Kafka

NOW = 1_710_000_000.0


@pytest.fixture
def log(kafka: Kafka, redis: Redis) -> KafkaEventLog:
    return KafkaEventLog(redis, 2, kafka.servers, kafka.topic(2))


def customer_of(partition: int) -> str:
    return next(str(n) for n in range(100) if partition_of(str(n), 2) == partition)


HERE, THERE = customer_of(0), customer_of(1)


def soon(read: Callable[[], list[Record]]) -> list[Record]:
    """What is read within 5 seconds."""
    for _ in range(1_000):
        if found := read():
            return found
        time.sleep(0.005)
    return []


def test_an_offset_tells_where_kafka_goes_on(log: KafkaEventLog):
    log.append([(HERE, f"m{n}", b"x") for n in range(3)])
    offsets = [record.offset for record in soon(lambda: log.read(0, BEGINNING, 10))]
    assert offsets == [(0, 1), (0, 2), (0, 3)]
    assert offsets[0] > BEGINNING
    assert log.last_offset(0) == (0, 3)


def test_others_find_a_customer_by_key_in_the_partition_that_we_chose(kafka: Kafka, redis: Redis):
    topic = kafka.topic(2)
    KafkaEventLog(redis, 2, kafka.servers, topic).append([("ключ", "m1", b"raw")])
    consumer = Consumer({"bootstrap.servers": kafka.servers, "group.id": "another"})
    consumer.assign([TopicPartition(topic, partition_of("ключ", 2), OFFSET_BEGINNING)])
    [message] = consumer.consume(1, timeout=5)
    consumer.close()
    assert (message.key(), message.value()) == ("ключ".encode(), b"raw")


def test_a_message_id_is_remembered_for_a_day(log: KafkaEventLog, redis: Redis):
    log.append([(HERE, "m1", b"x")])
    assert DEDUPLICATION_SECONDS - 60 < redis.ttl("ebbtide:{p0}:seen:m1") <= DEDUPLICATION_SECONDS


def test_what_kafka_refused_is_told_and_logged_by_the_retry(log: KafkaEventLog, kafka: Kafka, redis: Redis):
    sent = [(HERE, "m1", b"x"), (THERE, "m2", b"y")]
    log.length()
    kafka.refuse(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(
        StoreError, match=r"expected Kafka to take 2 events, 1 were not confirmed .*send again"
    ):
        log.append(sent)
    assert len(redis.keys("*:seen:*")) == log.length() == 1
    assert log.append(sent) == 1
    assert log.length() == 2


def test_a_broken_producer_is_replaced(log: KafkaEventLog, kafka: Kafka):
    log.append([(HERE, "m1", b"x")])
    kafka.refuse(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER)
    with pytest.raises(StoreError, match="not confirmed"):
        log.append([(HERE, "m2", b"x")])
    assert log.append([(HERE, "m3", b"x")]) == 1


def test_without_kafka_nothing_is_acknowledged_until_it_is_back(log: KafkaEventLog, kafka: Kafka):
    log.append([(HERE, "m1", b"x")])
    kafka.stop()
    with pytest.raises(StoreError, match="not confirmed"):
        log.append([(HERE, "m2", b"y")])
    with pytest.raises(StoreError, match="start it, or correct EBBTIDE_KAFKA"):
        log.length()
    kafka.start()
    assert log.append([(HERE, "m2", b"y")]) == 1
    assert log.length() == 2


def test_without_redis_nothing_is_sent(kafka: Kafka, redis: Redis, log: KafkaEventLog, tmp_path):
    log.append([(HERE, "m1", b"x")])
    log._client = Redis(unix_socket_path=str(tmp_path / "none.sock"), retry=Retry(NoBackoff(), 0))
    with pytest.raises(RedisError):
        log.append([(HERE, "m2", b"x")])
    assert log.length() == 1


def test_a_reader_says_that_kafka_went_and_goes_on_when_it_is_back(log: KafkaEventLog, kafka: Kafka):
    log.append([(HERE, "m1", b"one")])
    assert [record.raw for record in soon(lambda: log.read(0, BEGINNING, 10))] == [b"one"]
    kafka.stop()
    with pytest.raises(StoreError, match="start it, or correct EBBTIDE_KAFKA"):
        soon(lambda: log.read(0, (0, 1), 10))
    kafka.start()
    log.append([(HERE, "m2", b"two")])
    assert [record.raw for record in patiently(lambda: log.read(0, (0, 1), 10))] == [b"two"]


def patiently(read: Callable[[], list[Record]]) -> list[Record]:
    """What is read within 5 seconds, as a flow does that is started again after each error."""

    def again() -> list[Record]:
        try:
            return read()
        except StoreError:
            return []

    return soon(again)


def test_what_retention_took_unread_is_told(log: KafkaEventLog, kafka: Kafka):
    log.append([(HERE, f"m{n}", str(n).encode()) for n in range(5)])
    kafka.retain_from(log._topic, 0, 3)
    assert log.length() == 2
    with pytest.raises(StoreError, match=r"partition 0 .* go on after 0-1.*delete ebbtide:\{p0\}:committed"):
        soon(lambda: log.read(0, (0, 1), 10))
    assert [record.raw for record in soon(lambda: log.read(0, BEGINNING, 10))] == [b"3", b"4"]


def test_a_topic_made_anew_is_not_followed(log: KafkaEventLog):
    log.append([(HERE, "m1", b"x")])
    with pytest.raises(StoreError, match=r"go on after 0-9.*made anew"):
        soon(lambda: log.read(0, (0, 9), 10))


def test_a_read_does_not_wait_for_events_to_come(log: KafkaEventLog):
    log.read(0, BEGINNING, 10)
    before = time.perf_counter()
    for _ in range(100):
        assert log.read(0, BEGINNING, 10) == []
    assert time.perf_counter() - before < 0.5


@pytest.mark.parametrize(("topic", "found"), [("missing", 0), (None, 2)])
def test_a_topic_of_another_partition_count_is_refused(kafka: Kafka, redis: Redis, topic, found):
    log = KafkaEventLog(redis, 8, kafka.servers, topic or kafka.topic(2))
    with pytest.raises(ConfigError, match=rf"with 8 partitions, found {found}; .*--create --topic"):
        log.append([("a", "m1", b"x")])


def test_states_that_follow_another_log_are_not_mixed_with_this_one(kafka: Kafka, redis: Redis):
    first, second = kafka.topic(2), kafka.topic(2)
    KafkaEventLog(redis, 2, kafka.servers, first).length()
    with pytest.raises(ConfigError, match=f"follow the Kafka topic {second}, found .* follow {first}"):
        KafkaEventLog(redis, 2, kafka.servers, second).length()
    redis.flushall()
    RedisEventLog(redis, 2).length()
    with pytest.raises(ConfigError, match="follow Redis Streams"):
        KafkaEventLog(redis, 2, kafka.servers, first).length()


def test_the_flow_gives_the_same_features_from_kafka_and_goes_on_where_it_ended(
    kafka: Kafka, redis: Redis, tmp_path
):
    events = [
        {"type": "track", "event": "Order Completed", "userId": f"c{n % 7}", "messageId": f"m{n}"}
        | {"timestamp": 1_700_000_000 + 90_000 * n, "properties": {"revenue": 1.0 + n}}
        for n in range(60)
    ]
    over_kafka = {"kafka": kafka.servers, "kafka_topic": kafka.topic(2)}
    found = []
    for log_settings in ({}, over_kafka):
        redis.flushall()
        settings = Settings(home=tmp_path / str(len(found)), partitions=2, **log_settings)
        for part in (events[:40], events[40:]):
            calls = [accept(event, received_at=NOW, message_id="", sent_at=None) for event in part]
            open_log(settings, redis).append([(event.customer, event.id, raw) for raw, event in calls])
            stream(settings, redis, clock=lambda: NOW, once=True)
        states = OnlineStore(redis).read_many([f"c{n}" for n in range(7)])
        assert None not in states
        found.append([named(vector(state, NOW)) for state in states if state])
    assert repr(found[0]) == repr(found[1])
    assert sum(values["orders_total"] for values in found[1]) == len(events)


def test_threads_share_one_log(log: KafkaEventLog):
    logged: list[int] = []

    def send(thread: int) -> None:
        logged.extend(log.append([(f"{thread}-{n}", f"{thread}-{n}", b"x")]) for n in range(50))

    threads = [threading.Thread(target=send, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(logged) == log.length() == 200
