"""A shop that never was: its customers' events, of every kind that Ebbtide knows, mixed as in a real log.

Each customer is a loop of visits. A visit browses, may fill a cart, may order; what follows from it (a
refund, a survey, a ticket, an email opened) comes hours or days later, among the events of later visits.
"""

import heapq
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any, NamedTuple

import msgspec

DAY = 86_400
START = 1_577_836_800
"""2020-01-01."""
PER_VISIT = 9.5
"""Events that a visit makes on average, with all that follows from it."""
OF_A_DAY = (2, 1, 1, 1, 1, 2, 4, 7, 9, 10, 10, 11, 12, 11, 10, 10, 11, 13, 16, 18, 19, 16, 10, 5)
"""Visits by hour of the day, as weights."""
CATEGORIES = tuple(f"Aisle {number}" for number in range(30))
BRANDS = (*(f"Brand {number}" for number in range(25)), None)
COUNTRIES = ("GB", "DE", "FR", "US", "NL")
PLANS = ("basic", "plus", "family")
SAID = (
    "Great service, I love it!",
    "The parcel was late and the box was damaged.",
    "It is okay.",
    "Terrible. I want my money back",
    "Really good value, will buy again :)",
)
TOUCHES = (
    ("Email Delivered", "Email Opened", "Email Link Clicked"),
    ("Push Notification Received", None, "Push Notification Tapped"),
    ("SMS Delivered", None, "SMS Link Clicked"),
    ("In-App Message Received", "In-App Message Opened", "In-App Message Clicked"),
)


class Item(NamedTuple):
    """A product of the shop."""

    product_id: str
    category: str
    brand: str | None
    price: float


class Made(NamedTuple):
    """An event before it has an id: when (Unix seconds), its place among equals, its call."""

    at: int
    nth: int
    call: dict[str, Any]


def generate(n_events: int, n_customers: int, seed: int, days: float = 500.0) -> Iterator[bytes]:
    """Yield Segment calls as JSON in time order, `n_events` of them, over about `days` days from 2020.

    The same arguments give the same events. Times are whole seconds; some events of a customer share one.
    """
    random = Random(seed)
    items = [_item(random, number) for number in range(2_000)]
    visits = n_events / n_customers / PER_VISIT
    lives = [
        _Customer(random, f"c{number}", items, days * DAY / visits).life() for number in range(n_customers)
    ]
    encode = msgspec.json.Encoder().encode
    for number, made in enumerate(itertools.islice(heapq.merge(*lives, key=_when), n_events)):
        timestamp = datetime.fromtimestamp(made.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield encode({**made.call, "messageId": f"{seed}-{number}", "timestamp": timestamp})


def _when(made: Made) -> int:
    return made.at


def _item(random: Random, number: int) -> Item:
    price = round(random.lognormvariate(2.5, 0.8), 2)
    return Item(f"p{number}", random.choice(CATEGORIES), random.choice(BRANDS), price)


class _Customer:
    """One customer's habits, and what is still to happen."""

    def __init__(self, random: Random, name: str, items: list[Item], gap: float) -> None:
        self.random, self.name = random, name
        self.gap = gap / random.lognormvariate(
            -0.125, 0.5
        )  # seconds between visits; some come far more often
        self.favourites = random.sample(items, 14)
        self.country = random.choice(COUNTRIES)
        self.app = random.random() < 0.4
        self.subscribes = random.random() < 0.4
        self.subscribed = False
        self.user = {"userId": name}
        self.device = {"anonymousId": f"device-{name}"} if random.random() < 0.25 else None
        self.known = self.device is None  # others look around first, and say later who they are
        self.who = self.device or self.user
        self.number = itertools.count()
        self.due: list[Made] = []

    def life(self) -> Iterator[Made]:
        """Everything that the customer does, by time, without end."""
        visit = START + self.random.expovariate(1 / self.gap)
        if self.known:
            self._identify(int(visit))
        while True:
            while self.due and self.due[0].at < visit:
                yield heapq.heappop(self.due)
            self._visit(self._o_clock(visit))
            visit += self.random.expovariate(1 / self.gap)

    def _o_clock(self, moment: float) -> int:
        """The moment, at an hour at which people are awake if that lies ahead."""
        [hour] = self.random.choices(range(24), OF_A_DAY)
        midnight = int(moment // DAY * DAY)
        return max(int(moment), midnight + hour * 3600 + self.random.randrange(3600))

    def _add(self, at: float, name: str, /, **properties: Any) -> None:
        call = {"type": "track", "event": name, **self.who, "properties": properties}
        self._queue(at, call)

    def _queue(self, at: float, call: dict[str, Any]) -> None:
        heapq.heappush(self.due, Made(int(at), next(self.number), call))

    def _identify(self, at: int) -> None:
        traits = {"address": {"country": self.country}} if self.random.random() < 0.5 else {}
        self._queue(at, {"type": "identify", **(self.device or {}), **self.user, "traits": traits})
        self.known = True

    def _log_in(self, at: int) -> None:
        """Say who it is, if that was not said yet; now and then visit without having logged in."""
        if not self.known and self.random.random() < 0.4:
            self._identify(at)
        away = self.device and (not self.known or self.random.random() < 0.1)
        self.who = self.device if self.device and away else self.user

    def _context(self) -> dict[str, Any]:
        device = {"type": "ios" if self.app else self.random.choice(("desktop", "mobile"))}
        campaign = {"medium": self.random.choice(("cpc", "email", "social")), "source": "news"}
        travels = self.random.random() < 0.05
        return {
            "device": device,
            "location": {"country": self.random.choice(COUNTRIES) if travels else self.country},
            **({"campaign": campaign} if self.random.random() < 0.3 else {}),
        }

    def _step(self, at: int) -> int:
        """The next moment of a visit: seconds later, at times the same one, seldom after a long pause."""
        if self.random.random() < 0.03:
            return at
        if self.random.random() < 0.03:
            return at + self.random.choice((1_700, 1_800, 1_801, 2_400))
        return at + self.random.randint(2, 180)

    def _visit(self, at: int) -> None:
        """Browse; perhaps fill the cart, check out, order; then what the house sends."""
        self._log_in(at)
        seen = {"type": "screen" if self.app else "page", "name": "Home", **self.who}
        self._queue(at, {**seen, "context": self._context()})
        cart: list[tuple[Item, int]] = []
        for item in self._looked_at():
            at = self._step(at)
            self._add(at, "Product Viewed", **item._asdict())
            if self.random.random() < 0.35:
                at = self._step(at)
                quantity = self.random.randint(1, 4)
                self._add(at, "Product Added", **item._asdict(), quantity=quantity)
                cart.append((item, quantity))
        at = self._detours(at, cart)
        if cart and self.random.random() < 0.6:
            self._check_out(self._step(at), cart)
        self._told(at)
        if self.subscribes:
            self._subscription(at)

    def _looked_at(self) -> list[Item]:
        """Some products, the first favourites most."""
        chances = [1 / rank for rank in range(1, 1 + len(self.favourites))]
        return self.random.choices(self.favourites, chances, k=self.random.choice((0, 1, 2, 2, 3, 4, 6)))

    def _detours(self, at: int, cart: list[tuple[Item, int]]) -> int:
        """Search, list and promotion; a change of mind about one product."""
        for name in ("Products Searched", "Product List Viewed", "Product Clicked", "Cart Viewed"):
            if self.random.random() < 0.25:
                at = self._step(at)
                self._add(at, name, query="tea")
        if self.random.random() < 0.3:
            at = self._step(at)
            self._add(at, "Promotion Viewed", promotion_id="spring")
            if self.random.random() < 0.3:
                at = self._step(at)
                self._add(at, "Promotion Clicked", promotion_id="spring")
        if cart and self.random.random() < 0.2:
            at = self._step(at)
            item, _ = cart.pop(self.random.randrange(len(cart)))
            self._add(at, "Product Removed", **item._asdict())
        return at

    def _check_out(self, at: int, cart: list[tuple[Item, int]]) -> None:
        self._add(at, "Checkout Started")
        if self.random.random() < 0.25:
            return
        coupon = {"coupon": "SPRING"} if self.random.random() < 0.2 else {}
        if coupon:
            at = self._step(at)
            self._add(at, "Coupon Applied", coupon_id="SPRING")
        at = self._step(at)
        lines = [{**item._asdict(), "quantity": quantity} for item, quantity in cart]
        total = round(sum(item.price * quantity for item, quantity in cart), 2)
        off = round(total * 0.1, 2) if coupon else 0.0
        order = {"order_id": f"{self.name}-{at}", "discount": off, **coupon}
        self._add(at, "Order Completed", **order, revenue=round(total - off, 2), products=lines)
        self._after_order(at, order["order_id"], lines, total)

    def _after_order(self, at: int, order: Any, lines: list[dict[str, Any]], total: float) -> None:
        """What the customer says and gives back in the days after an order."""
        said = {"comment": self.random.choice(SAID)} if self.random.random() < 0.5 else {}
        if self.random.random() < 0.08:
            back = {"revenue": round(total / 2, 2), "products": lines[:1]}
            self._add(at + self._days(1, 12), "Order Refunded", order_id=order, **back)
        if self.random.random() < 0.15:
            survey, top = self.random.choice((("NPS", 10), ("CSAT", 5), ("CES", 7)))
            score = self.random.randint(0, top)
            self._add(at + self._days(0.1, 4), f"{survey} Submitted", score=score, **said)
        if self.random.random() < 0.1:
            review = {"rating": self.random.randint(1, 5), "review_body": said.get("comment")}
            self._add(at + self._days(2, 9), "Review Submitted", **review)
        if self.random.random() < 0.1:
            self._ticket(at + self._days(0.2, 5))

    def _ticket(self, at: float) -> None:
        ticket = f"{self.name}-t{next(self.number)}"
        self._add(at, "Ticket Opened", ticket_id=ticket)
        if self.random.random() < 0.85:
            first = self.random.random() < 0.6
            self._add(at + self._days(0.02, 6), "Ticket Resolved", ticket_id=ticket, first_contact=first)

    def _told(self, at: int) -> None:
        """Messages that the house sends after a visit, some of them answered."""
        for sent, opened, clicked in TOUCHES:
            if self.random.random() > 0.5:
                continue
            then = at + self._days(0.1, 6)
            self._add(then, sent, campaign_id="c1")
            if self.random.random() < 0.35:
                if opened:
                    self._add(then + 600, opened, campaign_id="c1")
                if self.random.random() < 0.4:
                    self._add(then + 660, clicked, campaign_id="c1")
        if self.random.random() < 0.01:
            self._add(at + 7_200, "Unsubscribed")

    def _subscription(self, at: int) -> None:
        """A turn in the life of a subscription."""
        if not self.subscribed:
            self.subscribed = True
            plan = self.random.choice(PLANS)
            renewal = datetime.fromtimestamp(at + 30 * DAY, UTC).date().isoformat()
            self._add(at, "Subscription Started", plan=plan, renewal_date=renewal)
            return
        turn = self.random.random()
        if turn < 0.2:
            self._add(at, "Payment Failed")
        elif turn < 0.4:
            self._add(at, "Payment Succeeded")
            self._add(at, "Subscription Renewed", renewal_date=at + 30 * DAY)
        elif turn < 0.45:
            self._add(at, "Subscription Updated", plan=self.random.choice(PLANS))
        elif turn < 0.5:
            self._add(at, "Cancellation Requested")
        elif turn < 0.6:
            self._add(at, "Subscription Cancelled")
            self.subscribed = False

    def _days(self, least: float, most: float) -> float:
        """A stretch of seconds."""
        return self.random.uniform(least, most) * DAY
