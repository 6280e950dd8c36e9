"""Item statistics counted anew from events, as the flow would have counted them but with more pairs."""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice

from ebbtide.domain.event import Event
from ebbtide.logs.events import Offset
from features.profile import NEWCOMER_ORDERS
from features.signals.context import country
from models.recommendations.charts import Charts
from models.recommendations.item_statistics import KEPT_FOR_MINUTES, ItemStatistics, Said, Told, nothing_said
from models.recommendations.item_store import ItemStore, Written

PAIRS = 100
"""Pairs of an order that are counted: the flow, which must keep up, counts fewer."""
_AT_ONCE, _MOST_CHANGED = 1_000, 20_000


def rebuild(
    events: Iterable[Event],
    store: ItemStore,
    reached: Callable[[], Mapping[int, Offset]] = dict,
    advance: Callable[[int], object] = int,
    said: Said = nothing_said,
) -> None:
    """Count events into an empty store. Memory: the statistics' own, and 200 bytes for each customer.

    Args:
        events: all there are, in the order in which they were taken; only orders and views count.
        store: where to write.
        reached: gives the places that the events reach, once they have been read.
        advance: told how many events more are done.
        said: gives what the shop said of products.
    """
    statistics = ItemStatistics(store.read, Charts(), kept=KEPT_FOR_MINUTES, pairs=PAIRS, said=said)
    told = _told(events)
    while some := list(islice(told, _AT_ONCE)):
        statistics.take(some)
        if statistics.changed > _MOST_CHANGED:
            store.write(_written(statistics, {}))
        advance(len(some))
    store.write(_written(statistics, reached()))


def _written(statistics: ItemStatistics, reached: Mapping[int, Offset]) -> Written:
    records = statistics.records()
    return Written(records, *statistics.charts.changed(), reached)


def _told(events: Iterable[Event]) -> Iterable[Told]:
    orders: dict[str, int] = {}
    countries: dict[str, str] = {}
    for event in events:
        if (found := country(event.context, event.traits)) is not None:
            countries[event.customer] = found
        if event.name == "Order Completed":
            number = orders[event.customer] = orders.get(event.customer, 0) + 1
            newcomer = number <= NEWCOMER_ORDERS
            yield Told((0, 0), event, newcomer, countries.get(event.customer, ""))
        elif event.name == "Product Viewed":
            yield Told((0, 0), event, newcomer=False, country="")
