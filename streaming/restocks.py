"""Tells those who wait for an item that it is back in stock: an event for each, through the event log.

So the flow judges it as it judges all else, and nobody else does. An event's id comes from customer, item and
the time since when it had been sold out: one sent twice is one.
"""

from hashlib import sha256

from redis import Redis

from ebbtide.domain.event import BACK_IN_STOCK
from ebbtide.domain.ingest import accept, iso
from ebbtide.domain.item import Item
from ebbtide.logs.events import Entry, EventLog
from ebbtide.logs.items import ItemCatalogue, Restock
from ebbtide.logs.waiting import SPAN, Waiting

BATCH = 10
"""Items told of at a time."""


class Restocks:
    """Sends the events. Two of them do no harm.

    Args:
        client: the Redis with the items and with who waits for them.
        log: the event log.
    """

    def __init__(self, client: Redis, log: EventLog) -> None:
        self._items, self._waiting, self._log = ItemCatalogue(client), Waiting(client), log

    def step(self, now: float) -> int:
        """Tell of some items that came back in stock, unless they went again; returns of how many.

        `now` in Unix seconds, UTC.

        Raises:
            redis.RedisError: Redis does not answer.
            StoreError: the log does not, or the catalogue holds something else.
        """
        found = self._items.restocked(BATCH)
        for restock, _ in found:
            item = self._items.get(restock.item)
            if item is not None and item.available(now):
                waiting = self._waiting.of(item.id, restock.at - SPAN)
                self._log.append([_told(customer, item, restock) for customer in waiting], bounded=False)
        # After the log has them: a death between the two sends them again.
        self._items.done(mark for _, mark in found)
        return len(found)


def _told(customer: str, item: Item, restock: Restock) -> Entry:
    """The event that tells a customer of an item."""
    cause = "\x1f".join((customer, item.id, repr(restock.since)))
    properties: dict[str, str | float | None] = {
        "product_id": item.id,
        "name": item.name,
        "category": item.category,
    }
    properties |= {"brand": item.brand, "price": item.price}
    call = {
        "type": "track",
        "event": BACK_IN_STOCK,
        "userId": customer,
        "timestamp": iso(restock.at),
        "properties": {name: value for name, value in properties.items() if value is not None},
    }
    id_ = f"back-in-stock-{sha256(cause.encode()).hexdigest()[:32]}"
    raw, event = accept(call, received_at=restock.at, message_id=id_)
    return customer, event.id, raw
