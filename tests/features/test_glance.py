"""A glance at a state gives what its whole vector gives."""

from features.catalog import NAMES
from features.glance import Glance
from features.profile import named, new_state, update, vector
from features.signals.testing import order

NOW = 30 * 86_400.0


def bought():
    state = new_state()
    for day in (1, 5, 12):
        update(state, order(day, revenue=20.0, products={"tea": 1.0}))
    update(state, order(13, name="Product Viewed"))
    return state


def test_a_glance_gives_every_value_of_the_vector():
    for state in (new_state(), bought()):
        assert repr(dict(Glance(state, NOW))) == repr(named(vector(state, NOW)))
        assert list(Glance(state, NOW)) == list(NAMES)


def test_a_glance_knows_which_values_there_are():
    assert "orders_total" in Glance(new_state(), NOW)
    assert "orders_totl" not in Glance(new_state(), NOW)
