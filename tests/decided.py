"""A policy of two actions, receipts of decisions made by it, and what came of them."""

import math

import msgspec
import numpy as np

from ebbtide.domain.customer import Stage
from ebbtide.domain.decision import Decision, Receipt, Versions
from ebbtide.domain.ingest import iso
from ebbtide.logs.outcomes import Attributed
from features import catalog
from features.profile import named, new_state, vector
from models.actions.actions import ActionCatalogue
from models.actions.choice import Situation, choose
from models.actions.logged import Row
from models.churn.assessment import Assessment

AT = 1_700_000_000.0
POLICY = """holdout: 0.0
exploration: {exploration}
actions:
  - {{id: good, channel: web, message: m, response: {good}, value: 30, cost: 1}}
  - {{id: bad, channel: web, message: m, response: {bad}, value: 30, cost: 1}}
"""

CHANCES = {"none": 0.1, "good": 0.5, "bad": 0.1}
"""The probability of an order that each action really has."""
WORTH = 30.0


def log(policy: ActionCatalogue, rows: int = 1_500, chances: dict[str, float] = CHANCES) -> list[Row]:
    """Decisions in their order, and whether an order came of each."""
    rng = np.random.default_rng(7)
    found = []
    for number in range(rows):
        made = receipt(policy, number, rng)
        money = WORTH * float(rng.random() < chances[made.chosen])
        outcome = Attributed(
            f"d{number}", f"c{number}", made.chosen, made.at, made.at, money > 0, money, money
        )
        found.append(Row(made, outcome))
    return found


def receipt(policy: ActionCatalogue, number: int, rng: np.random.Generator) -> Receipt:
    """The decision `d7` for the customer `c7`, for instance, of whom the first signals are drawn."""
    values = np.array(vector(new_state(), AT))
    values[:3] = rng.gamma(2.0, size=3)
    known, at = named(values.tolist()), AT + number
    reach, history = (
        field.default for field in msgspec.structs.fields(Receipt) if field.name in ("reach", "history")
    )
    seen = Situation(
        customer=f"c{number}",
        decision=f"d{number}",
        decision_point="default",
        at=at,
        vector=values.tolist(),
        assessment=Assessment(known, Stage.ACTIVE, None, ()),
        context={},
        reach=reach,
        history=history,
    )
    choice = choose(policy, None, seen)
    decision = Decision(
        decision_id=seen.decision,
        customer_id=seen.customer,
        known=True,
        stage=Stage.ACTIVE,
        as_of=iso(at),
        expires_at=iso(at),
        churn=None,
        triggers=(),
        actions=(),
        recommendations=(),
        versions=Versions(catalog.VERSION, None, policy.version),
    )
    return Receipt(
        decision,
        "default",
        {},
        {name: value for name, value in known.items() if not math.isnan(value)},
        at=at,
        candidates=choice.candidates,
        chosen=choice.chosen,
        holdout=choice.holdout,
    )
