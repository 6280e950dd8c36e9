"""Feast's Redis layout, byte for byte, without importing Feast (which takes ten seconds).

A customer is one hash. Its key is the serialised entity key (version 3) followed by the project's name; its
fields are the murmur3 hash of `view:feature` with the value as a protobuf `Value`, and `_ts:view` with a
protobuf `Timestamp`. Source: Feast's specification of the online store format, "Redis Online Store Format".
The tests hold this file against Feast's own writer and reader.
"""

import struct
from functools import lru_cache

import mmh3

from ebbtide.errors import StoreError

PROJECT = "ebbtide"
ENTITY_KEY = "customer_id"
VIEW = "customer_state"
FEATURE = "state"

_STRING = 2  # feast.types.ValueType.STRING
_BYTES_FIELD = 0x0A  # protobuf: field 1, length-delimited, which is `bytes_val` of feast.types.Value
_HOURS = 1 << 14  # seconds in two digits of a varint: four and a half hours
_NAME = ENTITY_KEY.encode()
_PREFIX = struct.pack("<III", 1, _STRING, len(_NAME)) + _NAME + struct.pack("<I", _STRING)

PATTERN: bytes = _PREFIX + b"*" + PROJECT.encode()
"""What SCAN finds all customers by."""
STATE_FIELD: bytes = struct.pack("<I", mmh3.hash(f"{VIEW}:{FEATURE}", signed=False))
TIME_FIELD: bytes = f"_ts:{VIEW}".encode()


def key(customer: str) -> bytes:
    """The key of a customer's hash."""
    name = customer.encode()
    return key_head(len(name)) + name + PROJECT.encode()


def key_head(length: int) -> bytes:
    """A key up to the customer's name, which has so many bytes."""
    return _PREFIX + struct.pack("<I", length)


def customer_of(redis_key: bytes) -> str | None:
    """The customer whose hash this key names; None if it is not a key of ours."""
    start = len(_PREFIX) + 4
    if not redis_key.startswith(_PREFIX) or not redis_key.endswith(PROJECT.encode()):
        return None
    return redis_key[start : -len(PROJECT)].decode()


def pack_value(raw: bytes) -> bytes:
    """A protobuf `Value` that holds bytes."""
    return value_head(len(raw)) + raw


def value_head(length: int) -> bytes:
    """A protobuf `Value` up to its bytes, of which there are so many."""
    return bytes((_BYTES_FIELD,)) + _varint(length)


def unpack_value(packed: bytes) -> bytes:
    """The bytes in a protobuf `Value`.

    Raises:
        StoreError: it holds something else.
    """
    if not packed or packed[0] != _BYTES_FIELD:
        raise StoreError(f"online store: expected a `{VIEW}:{FEATURE}` of bytes, found {packed[:8]!r}")
    return packed[2 if packed[1] < 0x80 else 3 if packed[2] < 0x80 else 4 if packed[3] < 0x80 else 5 :]


def pack_time(moment: float) -> bytes:
    """A protobuf `Timestamp` of a moment in Unix seconds, to the microsecond."""
    seconds = int(moment)
    rest = 0
    if seconds != moment:
        seconds, rest = divmod(round(moment * 1_000_000), 1_000_000)
    if seconds >= _HOURS:  # the last hours by themselves, as what is before them is the same for many
        digits = bytes((0x08, seconds & 0x7F | 0x80, seconds >> 7 & 0x7F | 0x80))
        packed = digits + _varint_before(seconds >> 14)
    else:
        packed = b"\x08" + _varint(seconds & 0xFFFF_FFFF_FFFF_FFFF) if seconds else b""
    return packed + b"\x10" + _varint(rest * 1000) if rest else packed


@lru_cache(maxsize=4096)
def _varint_before(hours: int) -> bytes:
    return _varint(hours)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
