"""The action learner in the flow: decisions from their log, responses from events, learned when due."""

import msgspec
import pytest

from ebbtide.domain.action import NOTHING, Action
from ebbtide.domain.customer import Stage
from ebbtide.domain.decision import Decision, Receipt, Versions
from ebbtide.domain.ingest import accept, iso
from ebbtide.jobs.stream import stream
from ebbtide.logs import outcomes
from ebbtide.logs.decisions import DecisionLog
from ebbtide.logs.events import RedisEventLog
from ebbtide.settings import Settings
from features import catalog
from models.actions.actions import load
from models.actions.responses import Responses
from streaming.action_learner import (
    LATENESS,
    ActionLearner,
    ActionLogic,
    Heard,
    OutcomeSink,
    learner_of,
    saved,
)
from streaming.attribution import Told

DAY = 86_400.0
START = 20_000 * DAY
MAIL = Action(id="mail", channel="email", message="", response=0.1, value=1.0)
ACTIONS = {NOTHING.id: NOTHING, MAIL.id: MAIL}


def receipt(number, *, chosen="mail", at=START, version=catalog.VERSION):
    decision = Decision(
        decision_id=f"d{number}",
        customer_id=f"c{number}",
        known=True,
        stage=Stage.ACTIVE,
        as_of=iso(at),
        expires_at=iso(at),
        churn=None,
        triggers=(),
        actions=(),
        recommendations=(),
        versions=Versions(version, None, "p"),
    )
    signals = {name: 1.0 for place, name in enumerate(catalog.NAMES) if place % 7}
    return Receipt(decision, "default", {}, signals, at=at, chosen=chosen)


def click(number, at=START + 1.0):
    return Told(f"e{number}", f"c{number}", at, "click", f"d{number}")


@pytest.fixture
def log(redis):
    return DecisionLog(redis, keep=1_000, seconds=1_000)


@pytest.fixture
def logic(redis, log):
    made = ActionLearner(redis, ACTIONS).logic(None)
    feed(redis, made, 0.0)
    return made


def feed(redis, logic, days, *told):
    """Event time comes to so many days after the start; gives the outcomes learned."""
    found, _ = logic.on_batch([Heard(START + days * DAY, list(told))])
    sink = OutcomeSink(redis).build("outcomes", 0, 1)
    learned = list(found)
    sink.write_batch([("actions", one) for one in learned])
    return [outcome for one in learned for outcome in one.outcomes]


def test_nothing_is_learned_before_the_window_is_over_and_events_may_be_late(redis, log, logic):
    log.record_many([receipt(1), receipt(2)])
    assert feed(redis, logic, 1, click(1)) == []
    assert feed(redis, logic, 7.5) == []
    found = feed(redis, logic, 7.01 + LATENESS / DAY)
    assert [(one.decision_id, one.responded) for one in found] == [("d1", True), ("d2", False)]
    assert list(outcomes.read(redis)) == found


def test_what_was_learned_is_saved_with_the_outcomes_and_goes_on(redis, log, logic):
    log.record_many([receipt(1), receipt(2), receipt(3, at=START + 5 * DAY)])
    feed(redis, logic, 1, click(1))
    feed(redis, logic, 9)
    again = ActionLearner(redis, ACTIONS).logic(None)
    found = feed(redis, again, 20, click(3, START + 6 * DAY))
    assert [(one.decision_id, one.responded) for one in found] == [("d3", True)]
    kept = saved(redis)
    assert kept is not None
    assert learner_of(kept).rows == 3


def test_a_response_model_comes_of_it(redis, log, logic):
    log.record_many([receipt(number) for number in range(200)])
    feed(redis, logic, 1, *(click(number) for number in range(0, 200, 2)))
    feed(redis, logic, 9)
    kept = saved(redis)
    vector = [float("nan") if place % 7 == 0 else 1.0 for place in range(len(catalog.NAMES))]
    assert kept is not None
    assert Responses(learner_of(kept).document()).respond(vector, [MAIL])[0] == pytest.approx(0.5, abs=0.1)


def test_decisions_made_before_events_were_heard_are_left_out(redis, log):
    log.record(receipt(1, at=START - DAY))
    made = ActionLogic(log, ACTIONS, None)
    feed(redis, made, 0.0)
    assert feed(redis, made, 30) == []


def test_decisions_of_another_catalog_or_policy_teach_nothing(redis, log, logic):
    log.record_many([receipt(1, version="another"), receipt(2, chosen="gone")])
    feed(redis, logic, 1)
    assert [one.decision_id for one in feed(redis, logic, 30)] == ["d1"]
    kept = saved(redis)
    assert kept is not None
    assert learner_of(kept).rows == 0


def test_a_form_saved_for_other_signals_is_begun_anew(redis, log, logic):
    feed(redis, logic, 9)
    kept = saved(redis)
    assert kept is not None
    other = bytes(kept.learner).replace(catalog.VERSION.encode(), b"another")
    redis.set(
        "ebbtide:online:actions",
        msgspec.json.encode(msgspec.structs.replace(kept, learner=msgspec.Raw(other))),
    )
    assert saved(redis) is None


def test_the_flow_learns_from_what_is_logged(redis, log, tmp_path):
    settings = Settings(home=tmp_path)
    events = RedisEventLog(redis, settings.partitions)

    def flow(*calls):
        """Log calls (customer, days after the start, event, properties), and run the flow over them."""
        made = [
            accept(
                {"type": "track", "event": event, "userId": customer, "timestamp": START + days * DAY}
                | {"properties": properties},
                received_at=START + days * DAY,
                message_id=f"{customer}-{days}",
            )
            for customer, days, event, properties in calls
        ]
        events.append([(event.customer, event.id, raw) for raw, event in made])
        stream(settings, redis, clock=lambda: START, once=True)

    offer = next(one for one in load().actions if one.outcome == "click" and one.id != NOTHING.id).id
    flow(("anybody", 0, "Product Viewed", {"product_id": "p"}))
    log.record_many([receipt(number, chosen=offer, at=START + 60.0) for number in range(4)])
    flow(
        ("c0", 1, "Product Viewed", {"product_id": "p", "decisionId": "d0"}),
        ("c1", 2, "Decision Outcome", {"decisionId": "d1", "outcome": "failed"}),
        ("c2", 3, "Order Completed", {"revenue": 30.0, "products": []}),
    )
    flow(("anybody", 30, "Product Viewed", {"product_id": "p"}))
    found = {one.decision_id: (one.responded, one.week) for one in outcomes.read(redis)}
    assert found == {"d0": (True, 0.0), "d2": (False, 30.0), "d3": (False, 0.0)}
    kept = saved(redis)
    assert kept is not None
    assert learner_of(kept).rows == 3
