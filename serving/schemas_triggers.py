"""The shapes of triggers, as the API documents them; a test holds them against `ebbtide.domain.trigger`."""

from typing import Any

from pydantic import Field

from ebbtide.domain.customer import Stage
from serving.schemas import Shape


class FiredShape(Shape):
    """A rule that fired for a customer."""

    trigger_id: str = Field(description="The same however often it is found.")
    customer_id: str
    rule: str = Field(description="Its id in the file, or `Stage Entered`.")
    fired_at: str = Field(description="The moment at which the condition turned true.")
    expires_at: str = Field(description="Until when the moment lasts.")
    reason: str = Field(description="In words.")
    stage: str = Field(description="The customer's stage at that moment.")
    cause: str = Field(description="The event's `messageId`, or the silence that began at a time.")
    products: list[str] = Field(description="The event's product, or those in the open cart.")
    previous: Stage | None = Field(description="The stage before, of a stage entered; else null.")


class TriggersResponse(Shape):
    """A page of triggers."""

    triggers: list[FiredShape]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


EXAMPLE: dict[str, Any] = {
    "triggers": [
        {
            "triggerId": "9a2a156a2ca949e33e6a56a62391d51d",
            "customerId": "14911",
            "rule": "cart_left",
            "firedAt": "2026-03-02T09:15:00Z",
            "expiresAt": "2026-03-04T09:15:00Z",
            "reason": "left a cart an hour ago: 1 product (85123A)",
            "stage": "active",
            "cause": "7f1c2e64",
            "products": ["85123A"],
            "previous": None,
        }
    ],
    "next": None,
}
