"""What came of a decision, as an event: so that whoever learns reads the event log alone."""

from hashlib import sha256
from typing import Any, Literal

DECISION_OUTCOME = "Decision Outcome"
"""The event's name. Its properties: `decisionId`, `outcome` (an `OutcomeType`), `action`, `value` if any."""
OutcomeType = Literal["delivered", "failed", "opened", "clicked", "converted", "dismissed"]
"""`failed`: the message did not arrive, so the contact does not count."""


def outcome_call(
    *,
    decision_id: str,
    customer: str,
    action: str,
    type_: OutcomeType,
    value: float | None,
    timestamp: str | None,
) -> dict[str, Any]:
    """The outcome as a call of the tracking API; the same outcome at the same time has the same id.

    >>> told = dict(decision_id="d", customer="7", action="sms", value=None, timestamp=None)
    >>> outcome_call(type_="clicked", **told)["properties"]
    {'decisionId': 'd', 'outcome': 'clicked', 'action': 'sms'}
    """
    told = "\x1f".join((decision_id, type_, repr(value), str(timestamp)))
    properties = {"decisionId": decision_id, "outcome": type_, "action": action}
    return {
        "type": "track",
        "event": DECISION_OUTCOME,
        "userId": customer,
        "messageId": f"outcome-{sha256(told.encode()).hexdigest()[:32]}",
        "properties": properties if value is None else {**properties, "value": value},
        **({} if timestamp is None else {"timestamp": timestamp}),
    }
