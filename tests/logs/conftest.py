"""A Kafka that speaks the real protocol over TCP: the mock cluster within librdkafka, Kafka's C client."""

import ctypes
from collections.abc import Iterator
from itertools import count

import pytest
from confluent_kafka import cimpl

PRODUCER = 0
PRODUCE = 0
"""Kafka's number of the request that carries messages."""
HANDLE, TEXT, NUMBER = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
# Source: librdkafka's src/rdkafka_mock.h. The C names, without `rd_kafka_`: what they give, what they take.
SIGNATURES = {
    "conf_new": (HANDLE, []),
    "conf_set": (NUMBER, [HANDLE, TEXT, TEXT, TEXT, ctypes.c_size_t]),
    "new": (HANDLE, [NUMBER, HANDLE, TEXT, ctypes.c_size_t]),
    "destroy": (None, [HANDLE]),
    "mock_cluster_new": (HANDLE, [HANDLE, NUMBER]),
    "mock_cluster_destroy": (None, [HANDLE]),
    "mock_cluster_bootstraps": (TEXT, [HANDLE]),
    "mock_topic_create": (NUMBER, [HANDLE, TEXT, NUMBER, NUMBER]),
    "mock_broker_set_down": (NUMBER, [HANDLE, ctypes.c_int32]),
    "mock_broker_set_up": (NUMBER, [HANDLE, ctypes.c_int32]),
    "mock_partition_delete_records": (NUMBER, [HANDLE, TEXT, ctypes.c_int32, ctypes.c_int64]),
    "mock_push_request_errors_array": (
        None,
        [HANDLE, ctypes.c_int16, ctypes.c_size_t, ctypes.POINTER(NUMBER)],
    ),
}


class Kafka:
    """A cluster of one broker; `servers` is its address."""

    def __init__(self) -> None:
        library = ctypes.CDLL(cimpl.__file__)
        self._c = {name: getattr(library, f"rd_kafka_{name}") for name in SIGNATURES}
        for name, (gives, takes) in SIGNATURES.items():
            self._c[name].restype, self._c[name].argtypes = gives, takes
        settings = self._c["conf_new"]()
        self._c["conf_set"](settings, b"log_level", b"2", None, 0)
        self._client = self._c["new"](PRODUCER, settings, None, 0)
        self._cluster = self._c["mock_cluster_new"](self._client, 1)
        self.servers: str = self._c["mock_cluster_bootstraps"](self._cluster).decode()
        self._numbers = count()

    def topic(self, partitions: int) -> str:
        """Make a new topic and name it."""
        name = f"events-{next(self._numbers)}"
        assert self._c["mock_topic_create"](self._cluster, name.encode(), partitions, 1) == 0
        return name

    def stop(self) -> None:
        """Let the broker go; what it has stays."""
        self._c["mock_broker_set_down"](self._cluster, 1)

    def start(self) -> None:
        """Bring the broker back."""
        self._c["mock_broker_set_up"](self._cluster, 1)

    def refuse(self, *errors: int) -> None:
        """Answer the next requests that carry messages with these errors."""
        self._c["mock_push_request_errors_array"](
            self._cluster, PRODUCE, len(errors), (NUMBER * len(errors))(*errors)
        )

    def retain_from(self, topic: str, partition: int, offset: int) -> None:
        """Delete what is older than an offset of Kafka's."""
        self._c["mock_partition_delete_records"](self._cluster, topic.encode(), partition, offset)

    def close(self) -> None:
        self._c["mock_cluster_destroy"](self._cluster)
        self._c["destroy"](self._client)


@pytest.fixture(scope="session")
def kafka_cluster() -> Iterator[Kafka]:
    """A cluster that all tests share, each with topics of its own."""
    cluster = Kafka()
    yield cluster
    cluster.close()


@pytest.fixture
def kafka(kafka_cluster: Kafka) -> Iterator[Kafka]:
    """The cluster, whose broker runs again after each test."""
    yield kafka_cluster
    kafka_cluster.start()
