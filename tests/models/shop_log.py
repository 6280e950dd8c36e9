"""Planted logs of purchases, whose truth a recommender has to find."""

import numpy as np

from models.recommendations.purchases import DAY, Purchases

BEGIN = 1_700_000_000.0


def purchases(lines):
    """A log from (customer, product, day) of each order line; lines of a customer on a day are one order."""
    customers = tuple(sorted({who for who, _, _ in lines}))
    products = tuple(sorted({what for _, what, _ in lines}))
    orders = {key: place for place, key in enumerate(sorted({(who, day) for who, _, day in lines}))}
    return Purchases(
        customer=np.array([customers.index(who) for who, _, _ in lines], dtype=np.int32),
        product=np.array([products.index(what) for _, what, _ in lines], dtype=np.int32),
        order=np.array([orders[who, day] for who, _, day in lines], dtype=np.int32),
        at=np.array([BEGIN + day * DAY for _, _, day in lines]),
        quantity=np.ones(len(lines)),
        customers=customers,
        products=products,
        kinds=np.full((2, len(products)), -1, dtype=np.int32),
    )


def rebuyers(customers=80, days=120, seed=1):
    """Each customer has two products of their own, one bought each week; and now and then a random one."""
    rng = np.random.default_rng(seed)
    lines = []
    for who in range(customers):
        for day in range(int(rng.integers(7)), days, 7):
            lines.append((f"c{who}", f"own{who % 20}", day))
            if rng.random() < 0.5:
                lines.append((f"c{who}", f"any{rng.integers(60)}", day))
    return purchases(sorted(set(lines)))


def never_twice(customers=120, days=120, seed=1):
    """Nobody buys anything twice; each customer buys the products of a taste, in any order."""
    rng = np.random.default_rng(seed)
    lines = []
    for who in range(customers):
        liked = rng.permutation(40)
        moments = np.sort(rng.choice(days, 25, replace=False))
        lines += [
            (f"c{who}", f"taste{who % 4}-{what}", int(day)) for what, day in zip(liked, moments, strict=False)
        ]
    return purchases(lines)


def pairs_bought_together(customers=150, days=120, seed=1):
    """Who buys `left` of a pair buys `right` of it in the next order, and neither ever again."""
    rng = np.random.default_rng(seed)
    lines = []
    for who in range(customers):
        for day in range(int(rng.integers(10)), days - 5, 10):
            pair = rng.integers(40)
            lines += [(f"c{who}", f"left{pair}", day), (f"c{who}", f"right{pair}", day + 5)]
    return purchases(sorted(set(lines)))
