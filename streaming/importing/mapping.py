"""Which column of a purchase log plays which role."""

import msgspec

from ebbtide.errors import InputError

ROLES = {
    "customer": "who bought (required)",
    "time": "when: a date, an ISO 8601 time or Unix seconds (required)",
    "order": "the order or invoice that the line belongs to",
    "product": "the product's id",
    "name": "the product's name",
    "category": "the product's category",
    "brand": "the product's brand",
    "quantity": "how many; negative for a return",
    "price": "the price of one unit",
    "value": "the money of the whole line; negative for a return",
    "discount": "the money taken off the line",
    "event": "what happened: view, cart, purchase and the like",
}
"""Every role with its meaning."""
REQUIRED = ("customer", "time")
NUMBERS = ("quantity", "price", "value", "discount")
PRODUCT = ("product", "name", "category", "brand", "quantity", "price")
"""Roles that describe a line of an order."""


class Mapping(msgspec.Struct, frozen=True):
    """The column that plays each role; a role without a column is absent."""

    columns: dict[str, str]

    def __contains__(self, role: str) -> bool:
        return role in self.columns

    def check(self, place: str, found: list[str]) -> None:
        """Make sure that the mapped columns exist.

        Raises:
            InputError: some do not; lists them and the columns that do exist.
        """
        absent = [column for column in self.columns.values() if column not in found]
        if absent:
            listed = ", ".join(found)
            if any(name.replace(".", "", 1).isdecimal() for name in found):
                listed += " (the first line of a table has to name its columns: put such a line in front)"
            raise InputError(f"{place}: no column {', '.join(absent)}; the columns are: {listed}")


def parse_mapping(text: str) -> Mapping:
    """Read `role=column,role=column`.

    Raises:
        InputError: an unknown role (lists the roles), a role given twice, a missing one, or no `=`.

    >>> parse_mapping("customer=CustomerID, time=InvoiceDate").columns
    {'customer': 'CustomerID', 'time': 'InvoiceDate'}
    """
    columns: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        role, equals, column = (piece.strip() for piece in part.partition("="))
        if not equals or not column:
            raise InputError(f"--map: expected role=column, found {part!r}")
        if role not in ROLES:
            raise InputError(f"--map: no role {role!r}; the roles are: {', '.join(ROLES)}")
        if role in columns:
            raise InputError(f"--map: the role {role!r} is given twice")
        columns[role] = column
    for role in REQUIRED:
        if role not in columns:
            raise InputError(f"--map: expected a column for {role!r}, e.g. --map customer=ID,time=DATE")
    return Mapping(columns)
