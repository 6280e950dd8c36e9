"""The online store over a real Redis."""

from features import profile
from features.signals.testing import order
from features.store.online import OnlineStore

DAY = 86_400.0


def state_of(customer, day):
    state = profile.new_state()
    profile.update(state, order(day=day, customer=customer, revenue=5.0))
    return state


def test_what_is_written_is_read_back(redis):
    store = OnlineStore(redis)
    store.write_many([("a", state_of("a", 19_000)), ("b*[x]", state_of("b", 19_001))])
    read = store.read_many(["b*[x]", "nobody", "a"])
    assert [found and found.last_at for found in read] == [19_001 * DAY, None, 19_000 * DAY]
    assert store.read("nobody") is None


def test_all_customers_are_listed_and_nothing_else(redis):
    store = OnlineStore(redis)
    names = {f"c{n}" for n in range(25)}
    store.write_many((name, state_of(name, 19_000)) for name in names)
    redis.set("ebbtide:partitions", 8)
    assert {name for chunk in store.customers(batch=10) for name in chunk} == names
