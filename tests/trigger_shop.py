"""A shop with visits, carts, orders, surveys and sign-ins, in which every kind of trigger fires."""

import json
import random
from datetime import UTC, datetime

DAY, HOUR = 86_400.0, 3600.0
START = 1_700_000_000.0


def call(at, customer, event, number, **properties):
    """One event as it travels."""
    body = {"type": "track", "event": event, "userId": customer, "properties": properties}
    if event == "identify":
        body = {"type": "identify", "userId": customer, "anonymousId": properties["was"]}
    time = datetime.fromtimestamp(at, UTC).isoformat()
    return json.dumps(body | {"messageId": f"m{number}", "timestamp": time}).encode()


def visits(customer, chance, days, signing_in):
    """(moment, customer, event, properties) of one customer's life."""
    at = START + chance.uniform(0, days / 2) * DAY
    end = at + chance.uniform(5, days) * DAY
    name = f"anonymous-{customer}" if chance.random() < signing_in else customer
    while at < end:
        product = f"p{chance.randint(1, 4)}"
        for _ in range(chance.randint(1, 3)):
            at += chance.uniform(20, 400)
            yield at, name, "Product Viewed", {"product_id": product, "name": product.upper()}
        if chance.random() < 0.5:
            yield at + 30, name, "Product Added", {"product_id": product, "price": 5.0}
        if chance.random() < 0.4:
            if name != customer:
                yield at + 40, customer, "identify", {"was": name}
                name = customer
            lines = [{"product_id": product, "price": 5.0}]
            yield at + 90, name, "Order Completed", {"order_id": f"{customer}-{at}", "products": lines}
        if chance.random() < 0.1:
            yield at + 4000, name, "NPS Submitted", {"score": chance.randint(0, 10)}
        if chance.random() < 0.1:
            yield at + 5000, name, "Payment Failed", {"renewal_date": at + 5 * DAY}
        if chance.random() < 0.1:
            yield at + 6000, name, "Product Back In Stock", {"product_id": product}
        at += chance.expovariate(1 / 4) * DAY


def events(customers=25, days=60, seed=3, signing_in=0.3):
    """(moment, customer, raw) of each event, in time order; a share of customers is anonymous at first."""
    chance = random.Random(seed)
    found = [visit for number in range(customers) for visit in visits(f"c{number}", chance, days, signing_in)]
    found.sort(key=lambda visit: visit[:3])
    return [
        (at, customer, call(at, customer, name, number, **properties))
        for number, (at, customer, name, properties) in enumerate(found)
        if at < START + days * DAY
    ]
