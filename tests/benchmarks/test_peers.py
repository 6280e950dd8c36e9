"""What the flow is held against does its work: else a ratio to it would say nothing."""

from collections import Counter

from benchmarks.events import generate
from benchmarks.peers import DAY, idiomatic, plain_loop
from ebbtide.domain.event import NOT_THEIRS, decode
from features.catalog import NAMES
from features.profile import vector
from streaming.flow import run

LINES = list(generate(2_000, 60, seed=3, days=90.0))
EVENTS = [decode(raw) for raw in LINES]


def test_the_idiomatic_flow_leaves_the_three_counts_of_every_customer_in_redis(redis):
    run(idiomatic(LINES, redis))
    newest = {event.customer: event.at for event in EVENTS}
    for window, field in ((1, b"1d"), (7, b"7d"), (30, b"30d")):
        counts = Counter(
            event.customer for event in EVENTS if event.at // DAY > newest[event.customer] // DAY - window
        )
        found = {name: int(redis.hget(f"customer:{name}", field)) for name in newest}
        assert found == counts


def test_the_plain_loop_keeps_the_whole_catalogue_of_every_customer():
    states = plain_loop(LINES)
    totals = Counter(event.customer for event in EVENTS if event.name not in NOT_THEIRS)
    at = NAMES.index("events_total")
    assert {name: vector(state, state.last_at)[at] for name, state in states.items()} == totals
