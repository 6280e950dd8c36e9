"""Products in memory: each has a number, under which stands what is counted of it, in columns."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ebbtide.domain.event import Product, Properties
from models.recommendations.charts import DAY
from models.recommendations.item_record import Record
from models.recommendations.pairs import Flags, Floats, Places

LONGEST = 64
"""Letters of a product's id; one with a longer id is not counted. Other texts are cut."""
WEEK = 7 * DAY
"""Of Unix time: what a product is called is looked at once in each."""
_COLUMNS = np.dtype(
    [(name, np.float64) for name in ("orders", "views", "lately", "first", "until")]
    + [("used", np.int64), ("place", np.intp), ("here", np.bool_), ("changed", np.bool_)],
    align=True,
)


class Item:
    """What a product is called, and when that was said (Unix seconds)."""

    __slots__ = ("brand", "category", "last", "name", "price")

    def __init__(self, record: Record | None) -> None:
        self.name: str | None = None
        self.category: str | None = None
        self.brand: str | None = None
        self.price: float | None = None
        self.last = float("-inf")
        if record is not None:
            self.name, self.category, self.brand = record.name, record.category, record.brand
            self.price, self.last = record.price, record.last

    def see(self, at: float, named: Product | Properties) -> None:
        """Note what the product is called at a moment, unless that is known of a later one."""
        if at < self.last:
            return
        self.last = at
        if named.name:
            self.name = named.name[:LONGEST]
        if named.category:
            self.category = named.category[:LONGEST]
        if named.brand:
            self.brand = named.brand[:LONGEST]
        if named.price is not None:
            self.price = named.price


class Items:
    """Products by number. One that is only known as a neighbour of another has a number and no item.

    Attributes:
        names: the ids by number.
        numbers: the numbers by id.
        items: by number, None where the product is not in memory.
        table: by number, a row of columns, 64 bytes: `orders`, `views`, `lately` and `first` as in a
            `Record`; `until`, to when what it is called needs no look (Unix seconds); `used`, the turn in
            which it was used last; `place`, room to reckon; whether it is `here`, in memory; whether it has
            `changed` since it was stored. There may be rows without a number yet.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.numbers: dict[str, int] = {}
        self.items: list[Item | None] = []
        self.table: NDArray[Any] = np.zeros(1_024, _COLUMNS)

    def numbered(self, products: Sequence[str]) -> Places:
        """The numbers of products; those without one get it. -1 for an id that is too long."""
        found = list(map(self.numbers.get, products))
        if None in found:
            self._add(product for product, number in zip(products, found, strict=True) if number is None)
            found = [self.numbers.get(product, -1) for product in products]
        return np.array(found, np.intp)

    def enter(self, number: int, record: Record | None) -> None:
        """Have a product in memory, by what is stored of it."""
        self.items[number] = Item(record)
        counted = (0.0, 0.0, 0.0, float("inf"), float("-inf"))
        if record is not None:
            until = (record.last // WEEK + 1) * WEEK
            counted = (record.orders, record.views, record.lately, record.first, until)
        self.table[number] = (*counted, 0, 0, True, False)

    def due(self, numbers: Places, at: Floats) -> Places:
        """Note when products were seen, and tell where to look at what they are called.

        Args:
            numbers: of products, maybe several times.
            at: when each was seen, Unix seconds.

        Returns:
            places among those given, ascending: of each product the first one in each week not looked at yet.
        """
        table = self.table
        np.minimum.at(table["first"], numbers, at)
        found = []
        late = np.flatnonzero(at >= table["until"][numbers])
        while len(late):
            table["place"][numbers[late[::-1]]] = late[::-1]  # the first one stays
            firsts = late[table["place"][numbers[late]] == late]
            table["until"][numbers[firsts]] = (at[firsts] // WEEK + 1) * WEEK
            found.append(firsts)
            late = late[at[late] >= table["until"][numbers[late]]]
        return np.sort(np.concatenate(found)) if found else late

    def count(self) -> int:
        """How many products are in memory."""
        return int(np.count_nonzero(self.table["here"]))

    def leave(self, most: int) -> bool:
        """Have so many products in memory, but all that have changed; those unused for longest go.

        Returns:
            whether any went.
        """
        table = self.table
        excess = self.count() - most
        loose = np.flatnonzero(table["here"] & ~table["changed"])
        gone = loose[np.argsort(table["used"][loose], kind="stable")[: max(excess, 0)]]
        table["here"][gone] = False
        for number in gone.tolist():
            self.items[number] = None
        return len(gone) > 0

    def keep(self, numbers: Flags) -> None:
        """Forget the other numbers, and close the gaps; the order stays."""
        places = np.flatnonzero(numbers)
        self.names = [self.names[place] for place in places.tolist()]
        self.items = [self.items[place] for place in places.tolist()]
        self.numbers = {name: number for number, name in enumerate(self.names)}
        self.table = np.concatenate([self.table[places], np.zeros(1_024, _COLUMNS)])

    def _add(self, products: Iterable[str]) -> None:
        for product in dict.fromkeys(products):
            if len(product) > LONGEST:
                continue
            self.numbers[product] = len(self.names)
            self.names.append(product)
            self.items.append(None)
        if len(self.names) > len(self.table):
            more = np.zeros(2 * len(self.names) - len(self.table), _COLUMNS)
            self.table = np.concatenate([self.table, more])
