"""The commands of the online store, as Redis's protocol (RESP 2) has them on the wire.

What is alike in many commands is made once: a packet is one join of few parts for each customer.
"""

from collections.abc import Iterable
from functools import lru_cache

from features.store import layout
from features.store.row import Row


def get(customers: Iterable[str]) -> bytes:
    """`HGET key field` of the state, for each customer."""
    parts: list[bytes] = []
    for customer in customers:
        name = customer.encode()
        parts += (_get_head(len(name)), name, _GET_TAIL)
    return b"".join(parts)


def put(rows: Iterable[Row]) -> bytes:
    """`HSET key field value field value` of the state and its time, for each row."""
    parts: list[bytes] = []
    for row in rows:
        name, state, moment = row.customer.encode(), row.state, layout.pack_time(row.at)
        parts += (
            _put_head(len(name)),
            name,
            _put_value(len(state)),
            state,
            _put_time(len(moment)),
            moment,
            _END,
        )
    return b"".join(parts)


def _word(word: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(word), word)


_END = b"\r\n"
_PROJECT = layout.PROJECT.encode()
_GET_TAIL = _PROJECT + _END + _word(layout.STATE_FIELD)


def _key_head(length: int) -> bytes:
    """A key up to the customer's name, which has so many bytes."""
    head = layout.key_head(length)
    return b"$%d\r\n%b" % (len(head) + length + len(_PROJECT), head)


@lru_cache(maxsize=256)
def _get_head(length: int) -> bytes:
    return b"*3\r\n" + _word(b"HGET") + _key_head(length)


@lru_cache(maxsize=256)
def _put_head(length: int) -> bytes:
    return b"*6\r\n" + _word(b"HSET") + _key_head(length)


@lru_cache(maxsize=16_384)  # states are of few lengths
def _put_value(length: int) -> bytes:
    """From the end of the key to the beginning of a state of so many bytes."""
    head = layout.value_head(length)
    return _PROJECT + _END + _word(layout.STATE_FIELD) + b"$%d\r\n%b" % (len(head) + length, head)


@lru_cache(maxsize=16)
def _put_time(length: int) -> bytes:
    """From the end of the state to the beginning of a time of so many bytes."""
    return _END + _word(layout.TIME_FIELD) + b"$%d\r\n" % length
