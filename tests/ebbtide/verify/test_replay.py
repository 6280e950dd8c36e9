"""How a log is replayed."""

from benchmarks.events import generate
from ebbtide.domain.event import decode
from ebbtide.verify.replay import LATE, Line, as_sent


def test_live_events_arrive_out_of_order_and_some_twice_but_none_is_lost_or_too_late():
    lines = [Line(decode(raw), raw) for raw in generate(2_000, 10, seed=5)]
    sent = as_sent(lines)
    ids = [line.event.id for line in sent]
    assert set(ids) == {line.event.id for line in lines}
    assert 2_100 < len(sent) < 2_300
    newest = 0.0
    late = []
    for line in sent:
        newest = max(newest, line.at)
        late.append(newest - line.at)
    assert 3600 < max(late) <= LATE
