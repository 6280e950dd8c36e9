"""The event log on Kafka: one topic, whose partitions are ours."""

import contextlib
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from typing import Any, TypeAlias

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from redis import Redis

from ebbtide.errors import ConfigError, StoreError
from ebbtide.logs.events import (
    BEGINNING,
    DEDUPLICATION_SECONDS,
    PARTITIONS_KEY,
    Entry,
    Offset,
    Record,
    offset_text,
    partition_of,
)

TOPIC_KEY = "ebbtide:kafka"
"""The Redis key with the topic whose offsets the states of this Redis carry."""

Report: TypeAlias = tuple[Entry, object]
"""What became of an entry: None if Kafka has it, else the error."""

_SECONDS = 2.0
"""How long Kafka may take to answer, or to take an event."""
_SLICE = 0.005
"""Seconds; another thread may have been told of our delivery, so we look again this often."""

_CLIENT: dict[str, Any] = {"client.id": "ebbtide", "log_level": 2}  # what fails is raised instead
_PRODUCER: dict[str, Any] = _CLIENT | {
    "enable.idempotence": True,
    "acks": "all",
    "linger.ms": 0,  # a sender waits
    "delivery.timeout.ms": int(_SECONDS * 1000),
}
_CONSUMER: dict[str, Any] = _CLIENT | {
    "group.id": "ebbtide",  # asked for by the library; no group is joined
    "enable.auto.commit": False,
    "auto.offset.reset": "error",  # what retention took unread must not go unnoticed
    "fetch.wait.max.ms": 100,
    "fetch.queue.backoff.ms": 10,
    "queued.min.messages": 20_000,
    "queued.max.messages.kbytes": 16_384,
}


class KafkaEventLog:
    """The log on a Kafka topic with as many partitions as ours, which an operator has made.

    Offset n of Kafka is `(0, n + 1)` here, so that `BEGINNING` lies before all; the second number is where it
    goes on. Customers are the keys of the messages, and `partition_of` chooses their partitions.

    **What it guarantees.** An event whose append returned is in the log, on all replicas in sync: nothing
    acknowledged is lost. The ids of delivered messages are kept in Redis for 24 hours, written after the
    delivery, so that no id stands there without its event. A retry is therefore logged once, except in three
    gaps, where the event is in the log twice: this process or Redis died between the delivery and the note;
    Kafka took the event, and its confirmation did not come in time; the same message was sent twice at the
    same moment. On Redis Streams one script does both, and there is no gap.

    All methods raise StoreError if Kafka does not answer within 2 seconds, `redis.RedisError` if Redis does
    not, and ConfigError if the topic is missing, has another number of partitions, or if the states in Redis
    come from another log. May be shared by threads, a partition being read by one of them.
    """

    waits = True

    def __init__(self, client: Redis, partitions: int, servers: str, topic: str) -> None:
        self.partitions = partitions
        self._client: Any = client  # redis-py types each answer as sync or async
        self._servers, self._topic = {"bootstrap.servers": servers}, topic
        self._made: Producer | None = None
        self._readers: dict[int, _Reader] = {}
        self._agreed = False

    def append(self, entries: Sequence[Entry], *, bounded: bool = True) -> int:  # noqa: ARG002
        """Append what the last 24 hours have not seen, and wait until Kafka has it; there is no bound.

        Raises:
            StoreError: an event could not be delivered. Others may be; the sender may send all again.
        """
        if not entries:
            return 0
        self._agree()
        reports = self._deliver(self._unseen(entries))
        self._note([entry for entry, error in reports if error is None])
        errors = [error for _, error in reports if error is not None]
        if errors:
            raise StoreError(
                f"event log: expected Kafka to take {len(reports)} events, {len(errors)} were not confirmed "
                f"({errors[0]}); send again"
            )
        return len(reports)

    def read(self, partition: int, after: Offset, count: int) -> list[Record]:
        """Return what has been fetched in the background since the last call; none is not yet the end.

        Raises:
            StoreError: retention has deleted what follows `after`, or the topic was made anew.
        """
        self._agree()
        if partition not in self._readers:
            self._readers[partition] = _Reader(self._servers, self._topic, partition)
        return self._readers[partition].read(after, count)

    def length(self) -> int:
        """Count the records that Kafka still has."""
        self._agree()
        bounds = map(self._bounds, range(self.partitions))
        return sum(high - low for low, high in bounds)

    def trim(self, partition: int, through: Offset) -> None:
        """Do nothing: how long Kafka keeps what it has is the topic's own setting."""

    def last_offset(self, partition: int) -> Offset:
        """Return the newest offset."""
        self._agree()
        low, high = self._bounds(partition)
        return (0, high) if high > low else BEGINNING

    def _unseen(self, entries: Sequence[Entry]) -> list[Entry]:
        fresh = {self._seen_key(entry): entry for entry in reversed(entries)}  # the first of equal ones stays
        keys = list(reversed(fresh))
        return [fresh[key] for key, seen in zip(keys, self._client.mget(keys), strict=True) if seen is None]

    def _deliver(self, entries: Sequence[Entry]) -> list[Report]:
        """Send all, and wait for the reports: the client gives one on each within its delivery timeout."""
        reports: list[Report] = []
        producer = self._producer()
        for entry in entries:
            customer, _, raw = entry
            own = partition_of(customer, self.partitions)
            told = partial(_told, reports, entry)
            try:
                producer.produce(self._topic, raw, customer.encode(), own, on_delivery=told)
            except (BufferError, KafkaException) as error:
                reports.append((entry, error))
        while len(reports) < len(entries):
            with contextlib.suppress(KafkaException):  # broken for good: the reports, still to come, say so
                producer.poll(_SLICE)
        if any(error is not None for _, error in reports):
            self._made = None  # a producer may be broken for good; the next append gets a new one
        return reports

    def _note(self, delivered: Sequence[Entry]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for entry in delivered:
            pipeline.set(self._seen_key(entry), b"", nx=True, ex=DEDUPLICATION_SECONDS)
        pipeline.execute()

    def _seen_key(self, entry: Entry) -> str:
        return f"ebbtide:{{p{partition_of(entry[0], self.partitions)}}}:seen:{entry[1]}"

    def _producer(self) -> Producer:
        if self._made is None:
            self._made = Producer(_PRODUCER | self._servers)
        return self._made

    @cached_property
    def _asker(self) -> Consumer:
        return Consumer(_CONSUMER | self._servers)

    def _bounds(self, partition: int) -> tuple[int, int]:
        """The first offset that Kafka has, and the one that comes next."""
        with _answering():
            found = self._asker.get_watermark_offsets(
                TopicPartition(self._topic, partition), timeout=_SECONDS
            )
        if found is None:
            raise StoreError(f"Kafka: expected the offsets of partition {partition}, found none; try again")
        return found

    def _agree(self) -> None:
        if self._agreed:
            return
        with _answering():
            topic = self._asker.list_topics(self._topic, timeout=_SECONDS).topics[self._topic]
            if topic.error is not None and topic.error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise KafkaException(topic.error)
        if len(topic.partitions) != self.partitions:
            raise ConfigError(
                f"event log: expected the Kafka topic {self._topic} with {self.partitions} partitions, found "
                f"{len(topic.partitions)}; make it so before its first use (kafka-topics.sh --create --topic "
                f"{self._topic} --partitions {self.partitions}), or set EBBTIDE_PARTITIONS"
            )
        self._claim()
        self._agreed = True

    def _claim(self) -> None:
        """See that the states in Redis follow this topic: the offsets in them would hide another's events."""
        if self._client.exists(PARTITIONS_KEY):
            found = "Redis Streams"
        else:
            self._client.set(TOPIC_KEY, self._topic, nx=True)
            found = self._client.get(TOPIC_KEY).decode()
        if found != self._topic:
            raise ConfigError(
                f"event log: expected states that follow the Kafka topic {self._topic}, found in Redis "
                f"those that follow {found}; set EBBTIDE_KAFKA and EBBTIDE_KAFKA_TOPIC as before, or use an "
                "empty Redis"
            )


class _Reader:
    """Follows one partition; Kafka's client fetches ahead, in threads of its own."""

    def __init__(self, servers: dict[str, str], topic: str, partition: int) -> None:
        self._topic, self._partition = topic, partition
        self._faults: list[KafkaError] = []
        # Any, since offsets are typed as optional.
        self._consumer: Any = Consumer(_CONSUMER | servers | {"error_cb": self._faults.append})
        self._after: Offset | None = None
        with _answering():  # knowing the partition's leader before the first fetch saves half a second
            self._consumer.list_topics(topic, timeout=_SECONDS)

    def read(self, after: Offset, count: int) -> list[Record]:
        with _answering():
            if after != self._after:
                self._consumer.assign([TopicPartition(self._topic, self._partition, _position(after))])
                self._after = after
            messages = self._consumer.consume(count, timeout=0)
        self._faults += [error for message in messages if (error := message.error())]
        self._raise_faults(after)
        records = [
            Record(self._partition, (0, message.offset() + 1), message.value() or b"") for message in messages
        ]
        if records:
            self._after = records[-1].offset
        return records

    def _raise_faults(self, after: Offset) -> None:
        # One broker of many may go: the client finds the partition's new leader by itself.
        faults = [e for e in self._faults if e.code() not in (KafkaError._TRANSPORT, KafkaError._RESOLVE)]
        self._faults.clear()
        if not faults:
            return
        self._after = None  # what was fetched with the fault is fetched again
        if faults[0].code() == KafkaError._AUTO_OFFSET_RESET:
            raise StoreError(
                f"event log: expected partition {self._partition} of {self._topic} to go on after "
                f"{offset_text(after)}, and Kafka does not have what follows; if retention deleted it, "
                f"delete ebbtide:{{p{self._partition}}}:committed in Redis to go on with what is left; if "
                "the topic was made anew, use an empty Redis"
            )
        raise _away(faults[0])


def _position(after: Offset) -> int:
    return OFFSET_BEGINNING if after == BEGINNING else after[1]


def _told(reports: list[Report], entry: Entry, error: KafkaError | None, _: object) -> None:
    reports.append((entry, error))


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        raise _away(error.args[0]) from error


def _away(error: KafkaError) -> StoreError:
    return StoreError(f"Kafka: expected an answer, found none ({error}); start it, or correct EBBTIDE_KAFKA")
