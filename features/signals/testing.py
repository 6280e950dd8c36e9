"""Short events for the examples of the signals and for tests."""

from collections.abc import Mapping

from ebbtide.domain.event import Event, Product, Properties


def order(
    day: float,
    *,
    revenue: float | None = None,
    products: Mapping[str, float] | None = None,
    name: str = "Order Completed",
    customer: str = "c",
) -> Event:
    """An order (or what `name` says) at the start of a day since 1970-01-01; products by quantity."""
    lines = tuple(Product(product_id=id_, quantity=units) for id_, units in (products or {}).items())
    properties = Properties(revenue=revenue, products=lines)
    return Event(f"{customer}-{name}-{day}", customer, name, day * 86_400.0, properties)
