"""Messages with slots, `{name}` or `{name|default}`, filled for one customer.

>>> filled("Hi {first_name|there}, {product} is back.", {"product": "Earl Grey"})
'Hi there, Earl Grey is back.'
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from features.catalog import NAMES
from models.expressions import close_to

SLOTS = {
    "first_name": "the caller's `context.first_name` or `context.firstName`",
    "product": "the name of the product recommended first",
    "stage": "the customer's stage",
}
"""What a slot may name, beside `profile.<signal>` (a rounded number) and `context.<key>`."""
_SLOT = re.compile(r"\{([^{}|]*)(?:\|([^{}|]*))?\}")


def faults(message: str) -> Iterator[str]:
    """What is wrong with the slots of a message."""
    for slot, _ in _SLOT.findall(message):
        root, _, name = slot.partition(".")
        if root == "profile" and name not in NAMES:
            yield f"expected a signal in the slot, found {{{slot}}}{close_to(name, NAMES)}"
        elif slot not in SLOTS and not (root in ("profile", "context") and name):
            known = [*SLOTS, "profile.SIGNAL", "context.KEY"]
            yield f"expected a slot ({', '.join(known)}), found {{{slot}}}{close_to(slot, SLOTS)}"
    if {"{", "}"} & set(_SLOT.sub("", message)):
        yield f"expected slots as {{name}} or {{name|default}}, found a brace that is none in {message!r}"


class Slots:
    """What the slots stand for, looked up when they are filled."""

    def __init__(
        self,
        values: Mapping[str, float],
        stage: str,
        context: Mapping[str, Any] | None = None,
        products: Sequence[str] = (),
    ) -> None:
        """Take signals (NaN: not known), the stage, the caller's context, the names of products by rank."""
        self._values, self._context = values, context or {}
        self._named = {
            "stage": stage,
            "first_name": self._context.get("first_name") or self._context.get("firstName"),
            "product": products[0] if products else None,
        }

    def get(self, slot: str) -> Any:
        """What a slot stands for; None where that is not known."""
        root, _, name = slot.partition(".")
        if root == "profile" and name:
            value = self._values.get(name)
            return None if value != value else value
        return self._context.get(name) if root == "context" and name else self._named.get(slot)


class _Found(Protocol):
    def get(self, slot: str, /) -> Any: ...


def filled(message: str, given: _Found) -> str:
    """The message with its slots filled; one that is not known takes its default, else it is left out."""
    if "{" not in message:
        return message
    told = _SLOT.sub(lambda slot: _text(given.get(slot[1])) or slot[2] or "", message)
    return re.sub(r" +([,.!?;:]|$)", r"\1", re.sub(r"  +", " ", told)).strip()


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.1f}"
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
