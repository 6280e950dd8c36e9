"""The questions of the demo: decisions for a few telling customers."""

from collections.abc import Callable
from typing import Any

import httpx2 as httpx
from redis import Redis
from rich.table import Table

from ebbtide.domain.customer import Stage
from ebbtide.errors import EbbtideError
from features import profile
from features.lifecycle import stage
from features.store.online import OnlineStore

UNKNOWN = "somebody-new"


def telling_customers(client: Redis, now: float) -> dict[str, str]:
    """A customer for each kind that the base has: loyal, slipping, new; and one whom nobody knows.

    Of each stage the one with the most orders (of the newcomers, the last to come).
    """
    store = OnlineStore(client)
    best: dict[Stage, tuple[float, str]] = {}
    for chunk in store.customers():
        for customer, state in zip(chunk, store.read_many(chunk), strict=True):
            if state is None:
                continue
            values = profile.named(profile.vector(state, now))
            found = stage(values)
            weight = -values["tenure_days"] if found is Stage.NEW else values["orders_total"]
            best[found] = max(best.get(found, (float("-inf"), "")), (weight, customer))
    chosen = {str(kind): best[kind][1] for kind in (Stage.LOYAL, Stage.SLIPPING, Stage.NEW) if kind in best}
    return {**chosen, "unknown": UNKNOWN}


def decide(client: httpx.Client, customer: str) -> dict[str, Any]:
    """Ask the API for a decision."""
    answer = client.post("/v1/decisions", json={"customerId": customer, "limit": 3, "explain": True})
    if answer.status_code != httpx.codes.OK:
        raise EbbtideError(f"POST /v1/decisions: expected 200, found {answer.status_code}: {answer.text}")
    decision: dict[str, Any] = answer.json()
    return decision


def decisions_table(decisions: dict[str, dict[str, Any]]) -> Table:
    """The decisions side by side, a customer per column."""
    table = Table(title="Decisions, as POST /v1/decisions gave them", title_justify="left", show_lines=True)
    table.add_column("")
    for kind, decision in decisions.items():
        table.add_column(f"{kind}\n{decision['customerId']}", ratio=1)
    rows: dict[str, Callable[[dict[str, Any]], str]] = {
        "stage": lambda d: d["stage"],
        "churn": _churn,
        "reasons": lambda d: _lines(reason["text"] for reason in (d["churn"] or {}).get("reasons", ())),
        "triggers": lambda d: _lines(f"{trigger['id']}: {trigger['reason']}" for trigger in d["triggers"]),
        "next best action": lambda d: _lines(_action(a) for a in d["actions"][:1]),
        "recommended": lambda d: _lines(f"{r['name']} ({r['reason']})" for r in d["recommendations"]),
    }
    for title, cell in rows.items():
        table.add_row(title, *(cell(decision) for decision in decisions.values()))
    return table


def _action(action: dict[str, Any]) -> str:
    chance = f"chosen with probability {action['propensity']:.0%}"
    return f"{action['id']} ({action['channel']}), {chance}:\n{action['message']}"


def _churn(decision: dict[str, Any]) -> str:
    churn = decision["churn"]
    if churn is None:
        return "-"
    return _lines(f"{chance:.0%} within {days} days" for days, chance in churn["probability"].items())


def _lines(texts: Any) -> str:
    return "\n".join(texts) or "-"
