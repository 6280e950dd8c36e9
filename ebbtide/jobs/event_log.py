"""Opens the event log that the settings name."""

from redis import Redis

from ebbtide.errors import ConfigError
from ebbtide.logs.events import EventLog, RedisEventLog
from ebbtide.settings import Settings


def open_log(settings: Settings, client: Redis) -> EventLog:
    """Open the log: Redis Streams, or Kafka where `EBBTIDE_KAFKA` is set. Nothing is asked of it yet.

    Raises:
        ConfigError: Kafka is set, and its package is not installed.
    """
    if settings.kafka is None:
        return RedisEventLog(client, settings.partitions, settings.backlog)
    try:
        from ebbtide.logs.kafka import KafkaEventLog
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"EBBTIDE_KAFKA={settings.kafka}: expected the package `{error.name}`, found none; "
            "install the extra `kafka`: pip install -e '.[kafka]'"
        ) from error
    return KafkaEventLog(client, settings.partitions, settings.kafka, settings.kafka_topic)
