"""Which ids are one customer, from the raw events: the reference for the merging of histories."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from ebbtide.domain.event import Event
from ebbtide.domain.identity import MOST_MERGES, linked


def owners(events: Iterable[Event]) -> dict[str, str]:
    """By id the customer who claimed it first; `events` oldest first, of all customers.

    >>> owners([Event("m1", "u", "identify", 0.0, also="a"), Event("m2", "v", "identify", 1.0, also="a")])
    {'a': 'u'}
    """
    owner: dict[str, str] = {}
    claimed: dict[str, set[str]] = defaultdict(set)
    for event in events:
        other, customer = linked(event), person(event.customer, owner)
        if other is None or other == customer or len(claimed[customer]) >= MOST_MERGES:
            continue
        claimed[customer].add(other)
        owner.setdefault(other, customer)
    return owner


def person(id_: str, owner: Mapping[str, str]) -> str:
    """The customer that an id stands for in the end.

    >>> person("a", {"a": "b", "b": "c"})
    'c'
    """
    while id_ in owner:
        id_ = owner[id_]
    return id_
