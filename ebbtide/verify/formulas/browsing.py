"""What was looked at and put into the cart: funnel, interest."""

import math
from collections import defaultdict

from ebbtide.domain.event import Event
from ebbtide.verify.formulas.common import DAY, ORDER, Events, Values, crc, named, share

CART = 20
"""Products of an open cart that count, the newest ones."""
VIEWED = 30
"""Viewed products that count, the newest ones."""
VIEWS = 8
"""Views of one product that count."""
LATELY = 30 * DAY
HALF_LIFE = 90.0
BUCKETS = 32


def funnel(events: Events, now: float) -> Values:
    """How far looking leads to buying; the open cart; what was looked at and not bought."""
    viewed = named(events, "Product Viewed")
    added = named(events, "Product Added")
    checkouts = named(events, "Checkout Started")
    orders = named(events, ORDER)
    views = _unbought_views(viewed, orders, now)
    return {
        "products_viewed_total": len(viewed),
        "products_added_total": len(added),
        "checkouts_total": len(checkouts),
        "view_to_cart_rate": share(len(added), len(viewed)),
        "cart_to_checkout_rate": share(len(checkouts), len(added)),
        "checkout_to_order_rate": share(len(orders), len(checkouts)),
        "view_to_order_rate": share(len(orders), len(viewed)),
        **_cart(added, named(events, "Product Removed"), orders, now),
        "unbought_views_max": max(views, default=0),
        "unbought_products": len(views),
    }


def product_of(event: Event) -> str | None:
    """The id, else the SKU, of the product that an event is about, as text."""
    given = event.properties.product_id
    given = given if given is not None else event.properties.sku
    return None if given is None else str(given)


def _cart(added: list[Event], removed: list[Event], orders: list[Event], now: float) -> Values:
    """Products added since the last order and not removed since; each by its newest add."""
    ordered = max((order.at for order in orders), default=-math.inf)
    taken_out = {product_of(event): event.at for event in removed}
    newest: dict[str, tuple[float, float]] = {}  # product: when, money
    for event in added:
        product = product_of(event)
        if product is not None and event.at > ordered:
            price, quantity = event.properties.price, event.properties.quantity
            money = (price or 0.0) * (1.0 if quantity is None else quantity)
            newest[product] = max((event.at, money), newest.get(product, (-math.inf, 0.0)))
    held = [put for product, put in newest.items() if put[0] > taken_out.get(product, -math.inf)]
    cart = sorted(held, reverse=True)[:CART]
    return {
        "cart_items": len(cart),
        "cart_value": sum(money for _, money in cart) if cart else math.nan,
        "cart_age_hours": (now - cart[0][0]) / 3600 if cart else math.nan,
    }


def _unbought_views(viewed: list[Event], orders: list[Event], now: float) -> list[int]:
    """For each product viewed lately, and since it was last bought: how often."""
    bought = {line.id: order.at for order in orders for line in order.properties.products}
    times: dict[str, list[float]] = defaultdict(list)
    for event in viewed:
        product = product_of(event)
        if product is not None and event.at > bought.get(product, -math.inf) and now - event.at <= LATELY:
            times[product].append(event.at)
    newest = sorted(times.values(), key=max, reverse=True)[:VIEWED]
    return [min(len(of_one), VIEWS) for of_one in newest]


def interest(events: Events, now: float) -> Values:
    """How much of the interest one category, one brand has; how many orders were discounted."""
    categories: list[tuple[str | None, float]] = []
    brands: list[tuple[str | None, float]] = []
    for event in named(events, "Product Viewed", ORDER):
        fade = 2.0 ** (-(now - event.at) / DAY / HALF_LIFE)
        seen = event.properties.products if event.name == ORDER else (event.properties,)
        weight = fade if event.name == ORDER else fade / 4
        categories += [(one.category, weight) for one in seen]
        brands += [(one.brand, weight) for one in seen]
    orders = [order.properties for order in named(events, ORDER)]
    cheaper = [(one.discount or 0) > 0 or one.coupon or one.coupon_id is not None for one in orders]
    category_share, category_entropy = _spread(categories)
    brand_share, brand_entropy = _spread(brands)
    return {
        "category_top_share": category_share,
        "category_entropy": category_entropy,
        "brand_top_share": brand_share,
        "brand_entropy": brand_entropy,
        "discounted_order_share": share(sum(map(bool, cheaper)), len(orders)),
    }


def _spread(weighted: list[tuple[str | None, float]]) -> tuple[float, float]:
    """The largest share of a bucket, and the entropy over the buckets in nats."""
    buckets: dict[int, float] = defaultdict(float)
    for text, weight in weighted:
        if text:
            buckets[crc(text) % BUCKETS] += weight
    whole = math.fsum(buckets.values())
    if not whole:
        return math.nan, math.nan
    shares = [weight / whole for weight in buckets.values()]
    return max(shares), -math.fsum(p * math.log(p) for p in shares)
