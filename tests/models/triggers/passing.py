"""A customer whose time passes, with rules judged on the way."""

from ebbtide.domain.event import Event, Product, Properties
from ebbtide.domain.trigger import STAGE_ENTERED
from features.profile import decode, encode, new_state, update
from models.triggers.moments import next_moment

HOUR, DAY = 3600.0, 86_400.0
START = 1_000 * DAY


class Customer:
    """One customer whose time passes."""

    def __init__(self, moments):
        self.moments, self.state, self.fired, self.count = moments, new_state(), [], 0

    def do(self, name, at, **properties):
        self.count += 1
        event = Event(f"m{self.count}", "c", name, START + at, Properties(**properties))
        self.fired += self.moments.before("c", self.state, event.at)
        update(self.state, event)
        self.fired += self.moments.after("c", self.state, event)
        self.state = decode(encode(self.state))  # the memory travels with the state

    def view(self, at, product="tea"):
        self.do("Product Viewed", at, product_id=product)

    def order(self, at, product="tea"):
        self.do("Order Completed", at, order_id=str(at), revenue=10.0, products=(Product(product),))

    def wait(self, until):
        """Let the ticks come that are due."""
        while (at := next_moment(self.state)) is not None and at <= START + until:
            self.fired += self.moments.before("c", self.state, at)

    def found(self, *left_out):
        return [
            (one.rule, one.fired_at[11:16])
            for one in self.fired
            if one.rule not in (STAGE_ENTERED, *left_out)
        ]

    def rules(self, *left_out):
        return [rule for rule, _ in self.found(*left_out)]
