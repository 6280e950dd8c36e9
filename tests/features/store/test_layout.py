"""Our bytes against Feast's own writer and reader, over one real Redis."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.errors import ConfigError, StoreError
from features.store import layout
from features.store.feast import connection_string

MOMENTS = st.floats(0, 4e9, allow_nan=False).map(lambda moment: round(moment, 6)) | st.integers(
    0, 4 * 10**9
).map(float)


@pytest.fixture(scope="module")
def feast():
    """Feast's own encoders; they import slowly, so once."""
    from feast.infra.online_stores import helpers
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value
    from google.protobuf.timestamp_pb2 import Timestamp

    class Feast:
        """The four encodings that our layout stands for."""

        @staticmethod
        def key(customer):
            entity = EntityKey(join_keys=["customer_id"], entity_values=[Value(string_val=customer)])
            return helpers._redis_key("ebbtide", entity, entity_key_serialization_version=3)

        @staticmethod
        def field(name):
            return helpers._mmh3(name)

        @staticmethod
        def value(raw):
            return Value(bytes_val=raw).SerializeToString()

        @staticmethod
        def time(moment):
            stamp = Timestamp()
            stamp.FromDatetime(datetime.fromtimestamp(moment, UTC))
            return stamp.SerializeToString()

    return Feast


@given(st.text(min_size=1))
def test_the_key_of_a_customer_is_feasts(feast, customer):
    assert layout.key(customer) == feast.key(customer)
    assert layout.customer_of(layout.key(customer)) == customer


@given(st.binary(min_size=1, max_size=70_000))
def test_the_value_is_feasts(feast, raw):
    assert layout.pack_value(raw) == feast.value(raw)
    assert layout.unpack_value(feast.value(raw)) == raw


@given(MOMENTS)
def test_the_time_is_feasts(feast, moment):
    assert layout.pack_time(moment) == feast.time(moment)


def test_the_field_names_are_feasts(feast):
    assert feast.field("customer_state:state") == layout.STATE_FIELD
    assert layout.TIME_FIELD == b"_ts:customer_state"


def test_a_value_of_another_type_is_refused():
    with pytest.raises(StoreError, match="expected a `customer_state:state` of bytes"):
        layout.unpack_value(b"\x12\x01a")


def test_a_key_of_somebody_else_is_no_customer():
    assert layout.customer_of(b"ebbtide:partitions") is None


@pytest.mark.parametrize("url", ["http://localhost", "redis://:a,b@localhost"])
def test_a_url_that_feast_cannot_carry_is_refused(url):
    with pytest.raises(ConfigError, match="EBBTIDE_REDIS_URL"):
        connection_string(url)
