"""A message that did not arrive gives its contact back, whichever way that is told."""

import numpy as np
import pytest

from ebbtide.domain.action import Action
from ebbtide.domain.contact import Cap
from ebbtide.domain.ingest import accept
from ebbtide.jobs.stream import stream
from ebbtide.logs.contacts import Contacts
from ebbtide.logs.decisions import DecisionLog
from ebbtide.logs.events import RedisEventLog
from ebbtide.settings import Settings
from models.actions.actions import parse
from streaming.undelivered import Undelivered
from tests.decided import AT, POLICY, receipt

MAIL = Action(id="mail", channel="email", message="Hi")
ONCE = [Cap("action", 1, 7.0)]


@pytest.fixture
def decided(redis):
    """A decision for customer c7 whose contact fills the cap."""
    policy = parse(POLICY.format(exploration=1, good=0.1, bad=0.1).encode(), "test")
    found = receipt(policy, 7, np.random.default_rng(7))
    DecisionLog(redis).record(found)
    contacts = Contacts(redis)
    assert contacts.reserve("c7", found.decision.decision_id, MAIL, ONCE, AT) is None
    assert contacts.reserve("c7", "another", MAIL, ONCE, AT + 1.0) is not None
    return found.decision.decision_id


def said(name, customer, decision, **properties):
    properties |= {"decisionId": decision}
    call = {"type": "track", "event": name, "userId": customer, "properties": properties}
    return accept(call, received_at=AT + 60.0, message_id=f"{name}-{decision}")


@pytest.mark.parametrize(
    ("name", "properties"),
    [("Email Bounced", {}), ("SMS Bounced", {}), ("Decision Outcome", {"outcome": "failed"})],
)
def test_an_event_that_tells_of_a_failed_delivery_frees_the_place_once(redis, decided, name, properties):
    raw, _ = said(name, "c7", decided, **properties)
    assert [Undelivered(redis).give_back([raw]) for _ in range(2)] == [1, 0]
    assert Contacts(redis).reserve("c7", "another", MAIL, ONCE, AT + 1.0) is None


@pytest.mark.parametrize(
    ("name", "customer", "decision"),
    [
        ("Email Bounced", "c8", None),
        ("Email Bounced", "c7", "unheard-of"),
        ("Email Opened", "c7", None),
        ("Order Completed", "c7", None),
    ],
    ids=["of another customer", "of an unknown decision", "opened", "an order"],
)
def test_no_other_event_does(redis, decided, name, customer, decision):
    raw, _ = said(name, customer, decision or decided)
    assert Undelivered(redis).give_back([raw]) == 0
    assert len(Contacts(redis).read(["c7"])[0].contacts) == 1


def test_the_flow_gives_contacts_back(redis, decided, tmp_path):
    settings = Settings(home=tmp_path)
    raw, event = said("Email Bounced", "c7", decided)
    RedisEventLog(redis, settings.partitions).append([(event.customer, event.id, raw)])
    stream(settings, redis, clock=lambda: AT + 60.0, once=True)
    assert not Contacts(redis).read(["c7"])[0].contacts
