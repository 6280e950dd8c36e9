"""A product that may be shown to a customer: how much speaks for it, and why, in words too."""

from collections.abc import Callable, Iterable

import msgspec


class Own(msgspec.Struct, frozen=True):
    """The customer bought it before: every so many days, 0 if that is not known; last in Unix seconds."""

    gap: int
    last: float


class With(msgspec.Struct, frozen=True):
    """It is bought together with another product, which the customer bought."""

    product: str


class Beside(msgspec.Struct, frozen=True):
    """It is viewed together with another product, which the customer viewed."""

    product: str


class Viewed(msgspec.Struct, frozen=True):
    """The customer viewed it, and has not bought it."""


class InCart(msgspec.Struct, frozen=True):
    """It lies in the customer's cart."""


class Alike(msgspec.Struct, frozen=True):
    """Customers alike buy it."""


class Popular(msgspec.Struct, frozen=True):
    """Many buy it now; of a kind that is named, or anything."""

    kind: str = ""


class Arrived(msgspec.Struct, frozen=True):
    """It is new in the shop."""


Why = Own | With | Beside | Viewed | InCart | Alike | Popular | Arrived
_NAMES_ANOTHER = (With, Beside)  # a union would be made anew each time, of which a decision has a dozen


class Shown(msgspec.Struct, frozen=True):
    """A product, its score (higher is better), and why it is shown."""

    product: str
    score: float
    why: Why


def named(all_shown: Iterable[Shown]) -> set[str]:
    """The products that answers name because of what is shown."""
    found = set()
    for shown in all_shown:
        found.add(shown.product)
        why = shown.why
        if isinstance(why, _NAMES_ANOTHER):
            found.add(why.product)
    return found


def words(why: Why, name: Callable[[str], str]) -> str:
    """The reason in words; `name` gives what another product is called.

    >>> words(Own(9, 0.0), str), words(With("tea"), str.title)
    ('you buy it every ~9 days', 'bought together with Tea')
    """
    match why:
        case Own(0):
            return "you bought it before"
        case Own(1):
            return "you buy it every day or so"
        case Own(gap):
            return f"you buy it every ~{gap} days"
        case With(product):
            return f"bought together with {name(product)}"
        case Beside(product):
            return f"viewed together with {name(product)}"
        case Popular(kind):
            return f"popular in {kind}" if kind else "popular now"
    return _PLAIN[type(why)]


_PLAIN: dict[type, str] = {
    Viewed: "you viewed it",
    InCart: "it is in your cart",
    Alike: "customers with your taste buy it",
    Arrived: "new in the shop",
}
