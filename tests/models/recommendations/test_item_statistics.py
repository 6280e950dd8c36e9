"""Item statistics: what goes together, how old counts fade, and the bounds on memory and bytes."""

import math
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebbtide.domain.event import Event, Product, Properties
from models.recommendations import item_statistics
from models.recommendations.charts import ALL, NEW, NEWCOMERS, Charts, of_category, of_country
from models.recommendations.item_record import BESIDE, HALF_LIFE, NEAREST
from models.recommendations.item_statistics import ItemStatistics, Told
from models.recommendations.items_in_memory import LONGEST

DAY = 86_400.0


def order(day, *products, customer="c", **facts):
    lines = tuple(Product(product_id=product, name=product.title(), **facts) for product in products)
    return Event(
        f"{customer}-{day}-{products}", customer, "Order Completed", day * DAY, Properties(products=lines)
    )


def view(day, product, customer="c", **facts):
    properties = Properties(product_id=product, **facts)
    return Event(f"v-{customer}-{day}-{product}", customer, "Product Viewed", day * DAY, properties)


def nothing_stored(products):
    return [None] * len(products)


def counted(events, read=nothing_stored, newcomer=False, country="", **options):
    statistics = ItemStatistics(read, Charts(), **options)
    statistics.take([Told((1, place), event, newcomer, country) for place, event in enumerate(events)])
    return statistics


def likeness(near):
    return dict(zip(near.products, near.likeness, strict=True))


def test_products_that_share_orders_are_neighbours_the_likest_first():
    orders = [order(19_990 + n % 10, "tea", "scones", "milk") for n in range(12)]
    orders += [order(19_990 + n % 10, "milk", "nails") for n in range(6)]
    found = counted(orders).records()
    assert found["tea"].together.products == ["scones", "milk"]
    assert found["milk"].together.products[-1] == "nails"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sets(st.sampled_from("abcde"), min_size=1), min_size=1, max_size=25))
def test_likeness_is_the_cosine_of_decayed_orders_held_down_by_one_order(baskets):
    days = range(19_000, 19_000 + 7 * len(baskets), 7)
    found = counted(
        [order(day, *sorted(basket)) for day, basket in zip(days, baskets, strict=True)]
    ).records()
    weights = [0.5 ** ((days[-1] - day) / HALF_LIFE) for day in days]

    def sold(*products):
        return sum(w for w, basket in zip(weights, baskets, strict=True) if basket.issuperset(products))

    for product, record in found.items():
        for other, got in likeness(record.together).items():
            cosine = sold(product, other) / math.sqrt((sold(product) + 1) * (sold(other) + 1))
            assert got == pytest.approx(255 * cosine, abs=0.51)
        assert set(record.together.products) == {o for o in found if o != product and sold(product, o)}


def test_what_sold_long_ago_weighs_half_for_each_thirty_days():
    found = counted([order(19_000, "old"), order(19_060, "new")]).records()
    assert found["new"].orders == pytest.approx(4 * found["old"].orders)


def test_products_viewed_in_one_visit_are_beside_each_other_and_others_not():
    hour = 1 / 24
    events = [view(19_000, "tea"), view(19_000 + hour / 2, "pot"), view(19_000 + 3 * hour, "nails")]
    found = counted(events).records()
    assert found["tea"].beside.products == ["pot"]
    assert found["nails"].beside.products == []
    assert found["tea"].views > 0 == found["tea"].orders


def test_of_a_large_order_each_product_meets_some_others_and_other_ones_each_time():
    names = [f"p{n}" for n in range(100)]
    first = counted([order(19_000, *names)]).records()["p0"].together.products
    second = counted([order(19_001, *names)]).records()["p0"].together.products
    assert 1 <= len(first) <= 2
    assert set(first) != set(second)
    assert all(record.together.products for record in counted([order(19_000, *names)]).records().values())


@pytest.mark.parametrize("count", range(2, 12))
def test_of_a_small_order_every_pair_counts_once(count):
    names = [f"p{n}" for n in range(count)]
    found = counted([order(19_000, *names)], pairs=100).records()
    for product, record in found.items():
        assert sorted(record.together.products) == sorted(set(names) - {product})
        assert len({record.together.weights[n : n + 4] for n in range(0, 4 * count - 4, 4)}) == 1


def test_the_heaviest_neighbours_stay_however_many_come_by():
    events = [order(19_000 + n / 100, "tea", f"once{n}") for n in range(400)]
    events += [order(19_000 + n / 10, "tea", "scones") for n in range(40)]
    found = counted(sorted(events, key=lambda event: event.at)).records()["tea"]
    assert len(found.together.products) == NEAREST
    assert found.together.products[0] == "scones"


def test_a_product_that_was_let_go_of_is_read_again_and_goes_on_where_it_was():
    events = [order(19_000 + n % 50, f"p{n % 7}", f"p{n % 5}") for n in range(200)]
    whole = counted(events).records()
    kept, stored = (
        {},
        ItemStatistics(lambda products: [kept.get(each) for each in products], Charts(), kept=2),
    )
    for place, event in enumerate(events):
        stored.take([Told((1, place), event, False, "")])
        kept |= stored.records()
    for product, record in whole.items():
        assert kept[product].orders == pytest.approx(record.orders)
        assert set(kept[product].together.products) == set(record.together.products)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=9)), min_size=1
    ),
    st.integers(1, 9),
    st.integers(1, 60),
)
def test_what_is_counted_does_not_hang_on_how_many_events_come_at_once(said, at_once, waiting):
    events = [
        view(19_000 + n / 3, products[0], category=f"Kind {n % 4}", price=n % 5)
        if viewed
        else order(19_000 + n / 3, *products, customer=f"c{n % 3}", brand=f"Brand {n % 4}")
        for n, (viewed, products) in enumerate(said)
    ]
    told = [Told((1, n), event, newcomer=n % 2 == 0, country="GB") for n, event in enumerate(events)]
    whole, pieces = (ItemStatistics(nothing_stored, Charts()) for _ in range(2))
    whole.take(told)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(item_statistics, "WAITING", waiting)
        for start in range(0, len(told), at_once):
            pieces.take(told[start : start + at_once])
    found, wanted = pieces.records(), whole.records()
    assert found.keys() == wanted.keys()
    for product, record in wanted.items():
        its = found[product]
        assert msgspec.structs.astuple(its)[:6] == msgspec.structs.astuple(record)[:6]
        assert (its.orders, its.views, its.lately) == pytest.approx(
            (record.orders, record.views, record.lately)
        )
        assert likeness(its.together) == likeness(record.together)
        assert likeness(its.beside) == likeness(record.beside)
    charts, again = whole.charts.changed()[0], pieces.charts.changed()[0]
    assert {name: dict(chart) for name, chart in again.items()} == {
        name: pytest.approx(dict(chart)) for name, chart in charts.items()
    }


def test_names_and_kinds_are_those_last_said_and_an_event_without_them_takes_nothing_away():
    events = [
        order(19_000, "tea", category="Drinks", price=2.0),
        order(19_010, "tea"),
        view(19_030, "tea", name="Chai"),
    ]
    found = counted(events).records()["tea"]
    assert (found.name, found.category, found.brand, found.price) == ("Chai", "Drinks", None, 2.0)
    assert found.first == 19_000 * DAY


def test_what_a_product_is_called_is_looked_at_once_in_each_week():
    week = 7 * (19_000 // 7)
    events = [order(week + day, "tea", price=float(day)) for day in (1, 3, 6, 8, 13)]
    found = counted(events).records()["tea"]
    assert (found.price, found.first, found.last) == (8.0, (week + 1) * DAY, (week + 8) * DAY)


def test_what_is_said_late_of_an_earlier_time_changes_only_when_a_product_was_first_seen():
    found = counted([order(19_020, "tea", price=2.0), order(19_000, "tea", price=1.0)]).records()["tea"]
    assert (found.price, found.first, found.last) == (2.0, 19_000 * DAY, 19_020 * DAY)


def test_a_product_that_stands_in_several_lines_is_called_what_its_own_lines_say():
    lines = (
        Product("tea", name="Tea"),
        Product("tea", name="Tea"),
        Product(name="?"),
        Product("pot", name="Pot"),
    )
    found = counted([Event("m", "c", "Order Completed", 19_000 * DAY, Properties(products=lines))]).records()
    assert {product: record.name for product, record in found.items()} == {"tea": "Tea", "pot": "Pot"}


def test_orders_take_their_places_in_the_charts():
    statistics = counted(
        [order(19_000, "tea", category="Drinks"), order(19_000, "pot", "tea")], newcomer=True, country="GB"
    )
    statistics.records()
    charts, _ = statistics.charts.changed()
    assert {ALL, NEW, NEWCOMERS, of_country("GB"), of_category("Drinks")} == set(charts)
    assert [product for product, _ in charts[ALL]] == ["tea", "pot"]


def test_a_product_is_new_for_two_weeks():
    statistics = counted([order(19_000, "old"), order(19_020, "fresh"), order(19_021, "old")])
    statistics.records()
    assert [product for product, _ in statistics.charts.changed()[0][NEW]] == ["fresh"]


def test_refunds_and_lines_without_an_id_or_with_an_endless_one_are_passed_over():
    lines = (Product(name="no id"), Product(product_id="x" * (LONGEST + 1)), Product(product_id="tea"))
    event = Event("m", "c", "Order Completed", 19_000 * DAY, Properties(products=lines))
    assert set(counted([event, view(19_000, "y" * (LONGEST + 1))]).records()) == {"tea"}


def test_a_record_has_a_bound_in_bytes_whatever_comes():
    def name(n):
        return f"{n:0{LONGEST}}"

    events = [order(19_000 + n / 1_000, name(0), name(n % 900), category="x" * 500) for n in range(1, 3_000)]
    events += [view(19_003 + n / 1_000, name(n % 2 and n % 500)) for n in range(3_000)]
    record = counted(sorted(events, key=lambda event: event.at)).records()[name(0)]
    assert (len(record.together.products), len(record.beside.products)) == (NEAREST, BESIDE)
    assert len(msgspec.msgpack.encode(record)) <= 2_600


def test_memory_keeps_a_bounded_number_of_products_viewers_and_neighbours(monkeypatch):
    monkeypatch.setattr(item_statistics, "VIEWERS", 10)
    statistics = ItemStatistics(nothing_stored, Charts(), kept=50)
    for n in range(400):
        statistics.take([Told((1, n), view(19_000, f"p{n}", customer=f"c{n}"), False, "")])
        statistics.records()
    assert statistics._items.count() <= 51
    assert len(statistics._items.names) <= 51 + 3 * 10  # and those of what was viewed last
    assert len(statistics._views) == 10


def test_charts_are_ordered_and_do_not_outgrow_their_bounds(monkeypatch):
    monkeypatch.setattr("models.recommendations.charts.MOST", 5)
    charts = Charts()
    for n in range(3_000):
        charts.put(ALL, f"p{n}", float(n % 1_000))
    for n in range(20):
        charts.place("tea", 1.0, f"kind{n}", None)
    found, gone = charts.changed()
    weights = [weight for _, weight in found[ALL]]
    assert weights[0] == 999.0
    assert all(a >= b for a, b in pairwise(weights))
    assert len(found) <= 5
    assert not set(gone) & set(found)


@pytest.mark.parametrize("day", [-700_000, 0, 10_000, 100_000, 2_900_000])
def test_an_event_of_antiquity_or_of_a_far_future_breaks_nothing(day):
    found = counted([order(day, "tea", "scones"), order(day + 1, "tea", "scones"), order(day, "tea", "pot")])
    records = found.records()
    assert records["tea"].together.products == ["scones", "pot"]
    back = counted([order(day + 2, "tea", "pot")], read=lambda products: [records.get(p) for p in products])
    assert set(back.records()["tea"].together.products) == {"scones", "pot"}
