"""Orders and money: recency, spend, refunds, rhythm, decayed, basket, repertoire."""

import math
import statistics
import zlib
from itertools import pairwise

from ebbtide.domain.event import Product
from ebbtide.verify.formulas.common import (
    DAY,
    ORDER,
    Amounts,
    Events,
    Values,
    age_days,
    day,
    mean,
    named,
    newest,
    share,
    trend,
    window,
)


def money(events: Events) -> Amounts:
    """When and how much: every order."""
    return [(order.at, order.properties.worth()) for order in named(events, ORDER)]


def recency(events: Events, now: float) -> Values:
    """How long ago the last order was."""
    return {"recency_days": age_days((order.at for order in named(events, ORDER)), now)}


def spend(events: Events, now: float) -> Values:
    """Money of orders, in all and per window."""
    spent = money(events)
    return {
        "spend_total": sum(worth for _, worth in spent),
        **{f"spend_{days}d": window(spent, days, now) for days in (1, 7, 30, 90, 365)},
        "order_value_mean": mean([worth for _, worth in spent]),
        "order_value_last": newest(spent),
        "spend_trend_7d": trend(spent, 7, 28, now),
        "spend_trend_30d": trend(spent, 30, 90, now),
    }


def refunds(events: Events, now: float) -> Values:
    """What was given back."""
    given = named(events, "Order Refunded")
    spent = sum(worth for _, worth in money(events))
    back = sum(abs(refund.properties.worth()) for refund in given)
    return {
        "refunds_total": len(given),
        "refund_share": back / spent if spent > 0 else math.nan,
        "refund_recency_days": age_days((refund.at for refund in given), now),
    }


def rhythm(events: Events, now: float) -> Values:
    """The gaps between days with an order, and the present gap against them."""
    orders = named(events, ORDER)
    days = sorted({day(order.at) for order in orders})
    gaps = [later - earlier for earlier, later in pairwise(days)]
    since = age_days((order.at for order in orders), now)
    expected = mean(gaps)
    deviation = statistics.stdev(gaps) if len(gaps) > 1 else math.nan
    return {
        "purchase_days": sum(day(now) - 365 < each for each in days),
        "gaps_total": len(gaps),
        "gap_mean_days": expected,
        "gap_std_days": deviation,
        "gap_last_days": gaps[-1] if gaps else math.nan,
        "gap_max_days": max(gaps, default=math.nan),
        "overdue_ratio": since / expected,
        "overdue_z": share(since - expected, deviation),
    }


def decayed(events: Events, now: float) -> Values:
    """Sums in which everything weighs 2^(-age / half-life)."""
    found: Values = {}
    amounts = {
        "events": [(event.at, 1.0) for event in events],
        "orders": [(order.at, 1.0) for order in named(events, ORDER)],
        "spend": money(events),
    }
    for what, dated in amounts.items():
        for half_life in (1, 7, 30, 90):
            weights = (amount * 2.0 ** (-(now - at) / DAY / half_life) for at, amount in dated)
            found[f"{what}_decayed_{half_life}d"] = math.fsum(weights)
    return found


def basket(events: Events, now: float) -> Values:  # noqa: ARG001 (every formula has this form)
    """Lines and units of the orders that name their products."""
    baskets = [(order.at, order.properties.products) for order in named(events, ORDER)]
    filled = [(at, lines) for at, lines in baskets if lines]
    return {
        "basket_lines_mean": mean([len(lines) for _, lines in filled]),
        "basket_lines_last": newest((at, len(lines)) for at, lines in filled),
        "basket_units_mean": mean([sum(line.quantity for line in lines) for _, lines in filled]),
    }


BITS = 512
EXACT = 64
"""Different products that are counted; more are estimated."""


def repertoire(events: Events, now: float) -> Values:  # noqa: ARG001
    """How many products were bought, by linear counting if they are many; how many lines were repeats."""
    bought = [products for order in named(events, ORDER) if (products := _ids(order.properties.products))]
    different = set().union(*bought)
    distinct = float(len(different))
    if distinct > EXACT:
        zeros = BITS - len({zlib.crc32(product.encode()) % BITS for product in different})
        distinct = -BITS * math.log(max(zeros, 1) / BITS)
    lines = sum(len(products) for products in bought)
    return {
        "products_distinct": distinct,
        "repeat_share": min(max(1 - distinct / lines, 0.0), 1.0) if lines else math.nan,
    }


def _ids(lines: tuple[Product, ...]) -> set[str]:
    return {line.id for line in lines if line.id is not None}
