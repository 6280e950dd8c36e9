"""Who bought what when, as arrays: the orders of a log, in a form that can be counted fast."""

from array import array
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ebbtide.domain.event import Event
from ebbtide.domain.identity import linked

DAY = 86_400.0

Ids = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Purchases:
    """One row per order and product, in no set order; all arrays but `kinds` have shape (rows,).

    Attributes:
        customer, product, order: places; those of customers and products in the lists of ids.
        at: when, in Unix seconds, UTC.
        quantity: units bought.
        customers, products: ids by place.
        kinds: the place of each product's category and brand, shape (2, products); -1 where not known.
    """

    customer: Ids
    product: Ids
    order: Ids
    at: Floats
    quantity: Floats
    customers: tuple[str, ...]
    products: tuple[str, ...]
    kinds: Ids

    def __len__(self) -> int:
        return len(self.at)

    def part(self, rows: NDArray[np.bool_]) -> "Purchases":
        """The rows chosen; places keep their meaning."""
        return replace(
            self,
            customer=self.customer[rows],
            product=self.product[rows],
            order=self.order[rows],
            at=self.at[rows],
            quantity=self.quantity[rows],
        )

    def before(self, cut: float) -> "Purchases":
        """What was known at a moment (Unix seconds)."""
        return self.part(self.at < cut)

    def pairs(self) -> NDArray[np.int64]:
        """The different pairs of customer and product as `customer * products + product`, ascending."""
        return np.unique(self.customer.astype(np.int64) * len(self.products) + self.product)


class PurchaseReader:
    """Takes events, keeps the orders. Memory: about 30 bytes per order line."""

    def __init__(self) -> None:
        self._customers: dict[str, int] = {}
        self._products: dict[str, int] = {}
        self._kinds: tuple[dict[str, int], dict[str, int]] = ({}, {})
        self._kind = (array("i"), array("i"))
        self._rows = {name: array("i") for name in ("customer", "product", "order")}
        self._at, self._quantity = array("d"), array("d")
        self._owners: dict[str, str] = {}
        """By id the customer who claimed it first."""
        self._orders = 0

    def take(self, event: Event) -> None:
        """Add an order; of other events only who a customer turns out to be is heard."""
        if event.also is not None and (other := linked(event)) is not None:
            self._owners.setdefault(other, event.customer)
        if event.name != "Order Completed":
            return
        units: dict[str, float] = {}
        for line in event.properties.products:
            if line.id is not None:
                units[line.id] = units.get(line.id, 0.0) + line.quantity
                self._know(line.id, (line.category, line.brand))
        if not units:
            return
        customer = self._customers.setdefault(event.customer, len(self._customers))
        for product, quantity in units.items():
            self._rows["customer"].append(customer)
            self._rows["product"].append(self._products[product])
            self._rows["order"].append(self._orders)
            self._at.append(event.at)
            self._quantity.append(quantity)
        self._orders += 1

    def _know(self, product: str, kinds: tuple[str | None, str | None]) -> None:
        place = self._products.setdefault(product, len(self._products))
        for known, of_product, kind in zip(self._kinds, self._kind, kinds, strict=True):
            if place == len(of_product):
                of_product.append(-1)
            if kind is not None:
                of_product[place] = known.setdefault(kind, len(known))

    def _person(self, customer: str) -> str:
        """Who an id turned out to be, by the first claim of each."""
        seen = {customer}
        while (owner := self._owners.get(customer)) is not None and owner not in seen:
            customer = owner
            seen.add(customer)
        return customer

    def purchases(self) -> Purchases:
        """All orders taken so far."""
        rows = {name: np.array(values, dtype=np.int32) for name, values in self._rows.items()}
        persons = [
            self._customers.setdefault(self._person(each), len(self._customers))
            for each in list(self._customers)
        ]
        rows["customer"] = np.array(persons, dtype=np.int32)[rows["customer"]]
        return Purchases(
            **rows,
            at=np.array(self._at, dtype=np.float64),
            quantity=np.array(self._quantity, dtype=np.float64),
            customers=tuple(self._customers),
            products=tuple(self._products),
            kinds=np.array([np.array(each, dtype=np.int32) for each in self._kind]),
        )
