"""Orders as arrays: what is kept of an event, and what is passed over."""

from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.event import Event, Product, Properties
from models.recommendations.purchases import PurchaseReader


def order(customer, at, *lines, name="Order Completed"):
    return Event(f"{customer}{at}", customer, name, at, Properties(products=tuple(lines)))


def read(*events):
    reader = PurchaseReader()
    for event in events:
        reader.take(event)
    return reader.purchases()


def test_lines_of_one_product_in_an_order_are_one_row():
    found = read(order("a", 1.0, Product("x", quantity=2), Product("y"), Product("x", quantity=3)))
    assert [found.products[place] for place in found.product] == ["x", "y"]
    assert found.quantity.tolist() == [5.0, 1.0]
    assert found.order.tolist() == [0, 0]


def test_other_events_and_lines_without_a_product_are_passed_over():
    found = read(order("a", 1.0, Product("x"), name="Order Refunded"), order("b", 2.0, Product(name="?")))
    assert len(found) == 0
    assert found.customers == ()


def test_the_last_known_category_and_brand_of_a_product_are_kept():
    found = read(
        order("a", 1.0, Product("x", category="tea"), Product("y")),
        order("a", 2.0, Product("x", category="drinks", brand="b"), Product("y", category="tea")),
    )
    category, brand = found.kinds
    assert category.tolist() == [1, 0]
    assert brand.tolist() == [0, -1]


def test_before_a_moment_only_what_was_earlier_is_known():
    found = read(order("a", 1.0, Product("x")), order("a", 2.0, Product("y"))).before(2.0)
    assert found.at.tolist() == [1.0]
    assert found.products == ("x", "y")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=1, max_size=30))
def test_pairs_are_the_different_customers_with_products(bought):
    found = read(*(order(who, float(at), Product(what)) for at, (who, what) in enumerate(bought)))
    pairs = {
        (found.customers[key // len(found.products)], found.products[key % len(found.products)])
        for key in found.pairs().tolist()
    }
    assert pairs == set(bought)
