"""Funnel: how far the customer goes from a view to an order; the open cart; what is viewed and not bought.

>>> from ebbtide.domain.event import Properties
>>> def seen(name, hour, **properties):
...     return Event(f"m{hour}", "c", name, hour * 3600.0, Properties(**properties))
>>> state = State()
>>> for hour in (1, 2, 3, 4):
...     update(state, seen("Product Viewed", hour, product_id="pot" if hour > 1 else "tea"))
>>> update(state, seen("Product Added", 5, product_id="tea", price=4.0, quantity=2))
>>> update(state, seen("Checkout Started", 6))
>>> value(state, now=8 * 3600.0)
(4.0, 1.0, 1.0, 0.25, 1.0, 0.0, 0.0, 1.0, 8.0, 3.0, 3.0, 2.0)
"""

import math

import msgspec

from ebbtide.domain.event import Event
from features.signals.cart import REMOVED, Cart
from features.signals.views import Views

EVENTS = frozenset(
    {"Product Viewed", "Product Added", "Product Removed", "Checkout Started", "Order Completed"}
)
VALUES = {
    "products_viewed_total": "count: views of products ever",
    "products_added_total": "count: additions to the cart ever",
    "checkouts_total": "count: checkouts started ever",
    "view_to_cart_rate": "ratio: additions to the cart over views of products, ever",
    "cart_to_checkout_rate": "ratio: checkouts started over additions to the cart, ever",
    "checkout_to_order_rate": "ratio: orders over checkouts started, ever",
    "view_to_order_rate": "ratio: orders over views of products, ever",
    "cart_items": "count: products in the open cart, 20 at most",
    "cart_value": "money: worth of the open cart",
    "cart_age_hours": "hours: since the last addition to the open cart",
    "unbought_views_max": "count: views of the most viewed product not bought, last 30 days, 8 at most",
    "unbought_products": "count: products viewed and not bought, last 30 days, 30 at most",
}


class State(msgspec.Struct, array_like=True, gc=False):
    """Counts of each step, the open cart and the views; 5 kB at most, 100 bytes after a few views."""

    viewed: int = 0
    added: int = 0
    checkouts: int = 0
    orders: int = 0
    cart: Cart = msgspec.field(default_factory=Cart)
    views: Views = msgspec.field(default_factory=Views)


def update(state: State, event: Event) -> None:
    """Count the step, and follow the product that it is about. One without an id is only counted."""
    name, at, properties = event.name, event.at, event.properties
    product = properties.id
    if name == "Product Viewed":
        state.viewed += 1
        if product is not None:
            state.views.view(product, at)
    elif name == "Product Added":
        state.added += 1
        if product is not None:
            quantity = 1.0 if properties.quantity is None else properties.quantity
            state.cart.mark(product, at, (properties.price or 0.0) * quantity)
    elif name == "Product Removed":
        if product is not None:
            state.cart.mark(product, at, REMOVED)
    elif name == "Checkout Started":
        state.checkouts += 1
    else:
        state.orders += 1
        state.cart.order(at)
        state.views.buy(properties.product_ids, at)


def merge(state: State, other: State) -> None:
    """Take up another part of the history."""
    state.viewed += other.viewed
    state.added += other.added
    state.checkouts += other.checkouts
    state.orders += other.orders
    state.cart.merge(other.cart)
    state.views.merge(other.views)


def value(state: State, now: float) -> tuple[float, ...]:
    """Counts, rates (NaN over nothing), the open cart (NaN where there is none), views without a purchase."""
    viewed, added, checkouts, orders = state.viewed, state.added, state.checkouts, state.orders
    lines = state.cart.lines() if state.cart.marks else ()
    most, unbought = state.views.unbought(now) if state.views.seen else (0, 0)
    return (
        viewed + 0.0,
        added + 0.0,
        checkouts + 0.0,
        added / viewed if viewed else math.nan,
        checkouts / added if added else math.nan,
        orders / checkouts if checkouts else math.nan,
        orders / viewed if viewed else math.nan,
        len(lines) + 0.0,
        sum([mark.worth for mark in lines]) if lines else math.nan,
        (now - lines[0].at) / 3600.0 if lines else math.nan,
        most + 0.0,
        unbought + 0.0,
    )
