"""The hold-out: a stable share of customers who get no action, as the yardstick of what actions bring."""

import hashlib

_PERSON = b"ebbtide hold-out"
"""Sets this draw apart from every other that hashes customers."""


def held_out(customer: str, share: float) -> bool:
    """Whether a customer is held out. It depends on the id alone, so it is the same everywhere, for ever.

    A larger share holds out those of a smaller one, and more.

    >>> [held_out("14911", share) for share in (0.0, 1.0)]
    [False, True]
    """
    digest = hashlib.blake2b(customer.encode(), digest_size=8, person=_PERSON).digest()
    return int.from_bytes(digest) < share * 2.0**64
