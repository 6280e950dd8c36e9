"""A shop small enough for a test, whose customers come at paces of their own, and some of whom leave."""

from datetime import datetime, timedelta

import numpy as np


def orders(begin: datetime, days: int, customers: int, seed: int = 2) -> list[tuple[str, datetime]]:
    """(customer, moment) of each order, up to the last day; a third of the customers stay to the end."""
    rng = np.random.default_rng(seed)
    found = [("c0", begin + timedelta(days=days - 0.5))]
    for who in range(customers):
        at, gap = rng.uniform(0, 30), rng.uniform(3, 15)
        end = rng.uniform(20, days) if who % 3 else days
        while at < end:
            found.append((f"c{who}", begin + timedelta(days=float(at))))
            at += rng.exponential(gap)
    return found
