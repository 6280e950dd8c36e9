from hypothesis import given, settings
from hypothesis import strategies as st

from streaming.importing.ordering import in_time_order


@settings(max_examples=50, deadline=None)
@given(
    moments=st.lists(st.floats(-1e10, 1e10), max_size=40),
    run=st.integers(1, 15),
)
def test_runs_on_disk_give_the_same_order_as_one_sort(moments: list[float], run: int) -> None:
    events = [(at, str(place).encode()) for place, at in enumerate(moments)]
    assert list(in_time_order(iter(events), run=run)) == sorted(events, key=lambda event: event[0])
