"""The shapes of alerts, as the API documents them; a test holds them against `ebbtide.domain.alert`."""

from typing import Any

from pydantic import Field

from ebbtide.domain.alert import ClearedBy, Status
from ebbtide.domain.customer import Stage
from serving.schemas import Shape
from serving.schemas_decisions import ReasonShape


class ChangeShape(Shape):
    """What changed since the customer was last heard of, or, where an event brought it, before that event."""

    since: str = Field(description="When that was looked at.")
    probability: float = Field(description="As it was then.")
    moved: list[str] = Field(description="What moved it most, in words; empty when an event did.")


class AlertShape(Shape):
    """One decline of one customer, as it stood when it was seen."""

    alert_id: str
    customer_id: str
    status: Status
    stage: Stage
    raised_at: str
    closes_at: str = Field(description="With silence until then, the customer counts as gone.")
    probability: float = Field(description="Of churn within `horizon` days.")
    horizon: int = Field(description="Days.")
    value_at_risk: float = Field(
        description="The probability times the money expected over 12 months, in the currency of the events."
    )
    reasons: list[ReasonShape]
    changed: ChangeShape | None = Field(description="Null at the first look at a customer.")
    model: str = Field(description="The churn model's version.")
    cleared_at: str | None
    cleared_by: ClearedBy | None = Field(
        description="An order, a risk that fell without one, or the chance's end."
    )
    owner: str | None = Field(description="Who has taken the case; null so far.")
    case_id: str | None


class AlertsResponse(Shape):
    """A page of alerts."""

    alerts: list[AlertShape]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


EXAMPLE: dict[str, Any] = {
    "alerts": [
        {
            "alertId": "6e2f0c6f4c3f4f5b9d6a1f0a2b3c4d5e",
            "customerId": "14911",
            "status": "open",
            "stage": "slipping",
            "raisedAt": "2026-03-02T08:15:00Z",
            "closesAt": "2026-05-11T17:30:00Z",
            "probability": 0.71,
            "horizon": 60,
            "valueAtRisk": 412.5,
            "reasons": [
                {
                    "signal": "overdue_ratio",
                    "value": 2.4,
                    "contribution": 1.3,
                    "text": "usually orders every 9 days, last order 22 days ago",
                    "remedy": "an order today",
                    "change": -0.48,
                }
            ],
            "changed": {
                "since": "2026-02-08T17:30:01Z",
                "probability": 0.12,
                "moved": ["usually orders every 9 days, last order 22 days ago"],
            },
            "model": "3",
            "clearedAt": None,
            "clearedBy": None,
            "owner": None,
            "caseId": None,
        }
    ],
    "next": None,
}
