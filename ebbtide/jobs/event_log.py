"""Opens the event log that the settings name, and reads it through."""

import time
from collections.abc import Iterator

from redis import Redis

from ebbtide.errors import ConfigError, StoreError
from ebbtide.logs.events import BEGINNING, EventLog, Record, RedisEventLog, offset_key
from ebbtide.settings import Settings

_MANY = 1_000
_PAUSE = 0.005
_PAUSES = 2_000
"""10 seconds without a record, of which the log says that it is there."""


def open_log(settings: Settings, client: Redis) -> EventLog:
    """Open the log: Redis Streams, or Kafka where `EBBTIDE_KAFKA` is set. Nothing is asked of it yet.

    Raises:
        ConfigError: Kafka is set, and its package is not installed.
    """
    if settings.kafka is None:
        return RedisEventLog(client, settings.partitions)
    try:
        from ebbtide.logs.kafka import KafkaEventLog
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"EBBTIDE_KAFKA={settings.kafka}: expected the package `{error.name}`, found none; "
            "install the extra `kafka`: pip install -e '.[kafka]'"
        ) from error
    return KafkaEventLog(client, settings.partitions, settings.kafka, settings.kafka_topic)


def logged(log: EventLog) -> Iterator[Record]:
    """Yield every record that is in the log now, partition after partition.

    An answer without records is not the end of a log that fetches in the background; its last offset is.

    Raises:
        StoreError: records that the log says it has do not come.
    """
    for partition in range(log.partitions):
        yield from _through(log, partition, log.last_offset(partition))


def _through(log: EventLog, partition: int, last: str) -> Iterator[Record]:
    after, pauses = BEGINNING, 0
    while offset_key(after) < offset_key(last):
        if records := log.read(partition, after, _MANY):
            yield from records
            after, pauses = records[-1].offset, 0
            continue
        last = log.last_offset(partition)  # what was there may have been trimmed meanwhile
        pauses += 1
        if pauses > _PAUSES:
            raise StoreError(
                f"event log: expected partition {partition} to go on from {after} to {last}, and nothing "
                f"came for {_PAUSE * _PAUSES:g} seconds; look at the brokers, and try again"
            )
        time.sleep(_PAUSE)
