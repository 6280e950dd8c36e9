"""What the updater keeps in memory between batches."""

import pytest

from ebbtide.domain.ingest import accept
from ebbtide.logs.events import Record
from features.store.online import OnlineStore
from streaming.changes import IMPORTED, Batch
from streaming.updater import Updater

DAY = 86_400.0


class Watched(OnlineStore):
    """A store that tells whose states were read."""

    def __init__(self, client):
        super().__init__(client)
        self.asked = []

    def read_many(self, customers):
        self.asked += customers
        return super().read_many(customers)


def batch(partition, offset, *customers):
    call = {"type": "track", "event": "Product Viewed", "timestamp": 0}
    raws = [accept({**call, "userId": name}, received_at=0.0, message_id=name)[0] for name in customers]
    return Batch(partition, [Record(partition, (offset, n), raw) for n, raw in enumerate(raws)])


@pytest.fixture
def store(redis):
    return Watched(redis)


def test_a_customer_in_use_is_read_once(store):
    updater = Updater(store, kept_customers=4)
    for offset in range(1, 4):
        updater.apply(batch(0, offset, "a", "b"))
    assert sorted(store.asked) == ["a", "b"]


def test_of_those_followed_the_states_at_the_ends_of_days_are_told(store):
    updater = Updater(store, follows=lambda customer: customer == "a")
    for offset, days, ends in ((1, [1, 1.5, 2, 4], [1.5, 2]), (2, [5, 6], [5])):
        calls = [
            {"type": "track", "event": "Product Viewed", "timestamp": day * DAY, "userId": name}
            for day in days
            for name in "ab"
        ]
        raws = [accept(call, received_at=9 * DAY, message_id="m")[0] for call in calls]
        records = [Record(0, (offset, n), raw) for n, raw in enumerate(raws)]
        changes = updater.apply(Batch(0, records))
        assert [(row.customer, row.at / DAY) for row in changes.states] == [("a", days[-1]), ("b", days[-1])]
        assert [(row.customer, row.at / DAY) for row in changes.day_ends] == [("a", day) for day in ends]


def test_a_batch_of_more_customers_than_are_kept_is_applied(store):
    updater = Updater(store, kept_customers=1)
    calls = [
        {"type": "identify", "userId": f"u{number}", "anonymousId": f"a{number}", "timestamp": 0}
        for number in range(5)
    ]
    raws = [accept(call, received_at=0.0, message_id=call["userId"])[0] for call in calls]
    records = [Record(IMPORTED, (1, n), raw) for n, raw in enumerate(raws, start=1)]
    assert len(updater.apply(Batch(IMPORTED, records)).states) == 10


def test_the_bound_on_states_is_shared_by_the_partitions(store):
    updater = Updater(store, kept_customers=4)
    for partition, names in enumerate(["abcd", "efgh"]):
        for offset, name in enumerate(names, start=1):
            updater.apply(batch(partition, offset, name))
    updater.apply(batch(0, 5, "d"))  # with the second partition in use there is room for two, and c is one
    store.asked.clear()
    for partition, names in enumerate(["cd", "gh"]):
        updater.apply(batch(partition, 6, *names))
    assert store.asked == []
    for partition, names in enumerate(["ab", "ef"]):
        updater.apply(batch(partition, 7, *names))
    assert sorted(store.asked) == ["a", "b", "e", "f"]
