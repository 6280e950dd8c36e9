"""What is known of products and customers, against values worked out by hand."""

import pytest

from models.recommendations.bought_before import Orders, Repertoire
from models.recommendations.purchases import DAY
from models.recommendations.shop_signals import customer_values, product_values
from tests.models.shop_log import BEGIN, purchases

LOG = purchases(
    [
        ("a", "milk", 0),
        ("a", "milk", 40),
        ("a", "milk", 48),
        ("b", "milk", 20),
        ("b", "tea", 47),
        ("a", "tea", 30),
    ]
)
CUT = BEGIN + 50 * DAY
MILK, TEA = LOG.products.index("milk"), LOG.products.index("tea")


@pytest.fixture(scope="module")
def of_products():
    return product_values(Repertoire(LOG, CUT), LOG, CUT, days=14)


@pytest.fixture(scope="module")
def of_customers():
    return customer_values(Repertoire(LOG, CUT), Orders(LOG, CUT), LOG, days=14)


def test_growth_is_the_last_week_and_month_against_twice_or_four_times_as_long(of_products):
    assert of_products["product_growth_week"][MILK] == pytest.approx(4 * 1 / 2)
    assert of_products["product_growth_month"][MILK] == pytest.approx(2 * 2 / 4)


def test_buyers_who_came_back_make_the_gap(of_products):
    assert of_products["product_bought_again"][MILK] == pytest.approx(1 / 2)
    assert of_products["product_gap_days"][MILK] == pytest.approx(48 / 2)


def test_new_buyers_are_those_whose_first_time_was_lately(of_products):
    assert of_products["product_new_share"][TEA] == pytest.approx(1.0)
    assert of_products["product_new_share"][MILK] == 0.0


def test_the_return_rate_is_of_those_who_held_it_before_the_last_days(of_products):
    assert of_products["product_return_rate"][MILK] == pytest.approx(1 / 2)
    assert of_products["product_return_rate"][TEA] == 0.0


def test_customers_have_their_pace_basket_and_variety(of_customers):
    a = LOG.customers.index("a")
    assert of_customers["customer_orders"][a] == 4
    assert of_customers["customer_basket"][a] == pytest.approx(4 / 4)
    assert of_customers["customer_pace_days"][a] == pytest.approx(50 / 4)
    assert of_customers["customer_variety"][a] == pytest.approx(2 / 4)
