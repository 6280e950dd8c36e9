"""Which event log the settings open."""

import sys

import pytest

from ebbtide.errors import ConfigError
from ebbtide.jobs.event_log import open_log
from ebbtide.logs.events import RedisEventLog
from ebbtide.settings import Settings


def test_without_kafka_the_log_is_redis_streams(redis):
    log = open_log(Settings(partitions=3), redis)
    assert isinstance(log, RedisEventLog)
    assert log.partitions == 3


def test_with_kafka_set_the_log_is_kafka(redis):
    from ebbtide.logs.kafka import KafkaEventLog

    log = open_log(Settings(kafka="localhost:9092", partitions=3), redis)
    assert isinstance(log, KafkaEventLog)
    assert log.partitions == 3


def test_a_missing_package_is_one_clear_error(redis, monkeypatch):
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    monkeypatch.delitem(sys.modules, "ebbtide.logs.kafka", raising=False)
    with pytest.raises(
        ConfigError, match=r"EBBTIDE_KAFKA=k:9092: expected the package `confluent_kafka`.*\[kafka\]"
    ):
        open_log(Settings(kafka="k:9092"), redis)


@pytest.mark.parametrize(("name", "value"), [("KAFKA", ""), ("KAFKA_TOPIC", "a topic"), ("KAFKA_TOPIC", "")])
def test_what_cannot_name_servers_or_a_topic_is_refused(monkeypatch, name, value):
    from ebbtide.settings import load

    monkeypatch.setenv(f"EBBTIDE_{name}", value)
    with pytest.raises(ConfigError, match=f"EBBTIDE_{name}: "):
        load()
