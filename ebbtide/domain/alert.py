"""An alert: a customer is at risk, why, what is at stake, and until when something can be done."""

from enum import StrEnum

import msgspec

from ebbtide.domain.customer import Stage
from ebbtide.domain.decision import Reason


class Status(StrEnum):
    """Whether an alert still asks for something."""

    OPEN = "open"
    CLEARED = "cleared"


class ClearedBy(StrEnum):
    """What ended an alert: an order, a risk that fell without one, or the end of the chance."""

    ORDER = "order"
    RECOVERED = "recovered"
    CLOSED = "closed"


class Change(msgspec.Struct, frozen=True, rename="camel"):
    """What changed since the last look before this decline: its time, the probability then, what moved most.

    That is the first look after the customer was last heard of, or, where an event brought the decline, the
    one after the event before.
    """

    since: str
    probability: float
    moved: tuple[str, ...] = ()


class Alert(msgspec.Struct, frozen=True, rename="camel"):
    """One decline of one customer, as it stood when it was seen. Times are ISO 8601 in UTC.

    `probability` is that of churn within `horizon` days. `value_at_risk` is it times the money expected of
    the customer over the next 12 months. After `closes_at`, with silence until then, the customer counts as
    gone. `changed` is None at the first look at a customer. `owner` and `case_id` are for whoever takes the
    case.
    """

    alert_id: str
    customer_id: str
    status: Status
    stage: Stage
    raised_at: str
    closes_at: str
    probability: float
    horizon: int
    value_at_risk: float
    reasons: tuple[Reason, ...]
    changed: Change | None
    model: str
    cleared_at: str | None = None
    cleared_by: ClearedBy | None = None
    owner: str | None = None
    case_id: str | None = None
