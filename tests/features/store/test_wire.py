"""The bytes on the wire against those that hiredis makes of the same words."""

import hiredis
from hypothesis import given
from hypothesis import strategies as st

from features.store import layout, wire
from features.store.row import Row

customers = st.text(min_size=1, max_size=300)
rows = st.builds(Row, customers, st.binary(max_size=20_000), st.floats(0, 4e9))


@given(st.lists(customers))
def test_reading_asks_for_the_state_in_the_customers_hash(names):
    words = [("HGET", layout.key(name), layout.STATE_FIELD) for name in names]
    assert wire.get(names) == b"".join(map(hiredis.pack_command, words))


@given(st.lists(rows))
def test_writing_sets_the_state_and_its_time(found):
    words = [
        (
            *("HSET", layout.key(row.customer)),
            *(layout.STATE_FIELD, layout.pack_value(row.state)),
            *(layout.TIME_FIELD, layout.pack_time(row.at)),
        )
        for row in found
    ]
    assert wire.put(found) == b"".join(map(hiredis.pack_command, words))
