"""Caps hold for whole decisions: 64 deciders at once, quiet nights, a day on which clocks change."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest
from redis import Redis

from ebbtide.domain.event import Context, Event
from ebbtide.lines import finished
from ebbtide.logs.contacts import Contacts
from ebbtide.logs.decisions import DecisionLog
from ebbtide.logs.documents import Documents
from ebbtide.logs.ledger import Ledger
from features.profile import new_state, update
from features.store.online import OnlineStore
from models.actions.actions import parse
from models.actions.kept import Keeper
from models.actions.response_watcher import ResponseWatcher
from models.churn.scorer import ModelWatcher
from models.recommendations.recommendations import Recommender
from models.triggers import trigger_file
from serving.decide import Decider
from serving.draft import Question
from serving.known import Knowledge

POLICY = parse(
    b"""
exploration: 0
contact:
  quiet_hours: {from: "21:00", to: "08:00"}
  caps:
    - {per: channel, channel: sms, most: 2, days: 1}
    - {per: action, action: letter, most: 1, days: 3}
    - {per: all, most: 5, days: 1}
  consent: {sms: opt_out}
actions:
  - {id: nudge, channel: sms, message: Hi, response: 0.1, value: 10}
  - {id: hint, channel: sms, message: Hi, response: 0.1, value: 10}
  - {id: letter, channel: email, message: Hi, response: 0.1, value: 10}
  - {id: news, channel: email, message: Hi, response: 0.1, value: 10}
""",
    "test.yaml",
)
RULES = trigger_file.load()
LONDON = ZoneInfo("Europe/London")


def decider(redis):
    contacts = Contacts(redis)
    return Decider(
        knowledge=Knowledge(redis),
        models=ModelWatcher(redis),
        responses=ResponseWatcher(redis),
        recommender=Recommender(redis),
        contacts=contacts,
        ledger=Ledger(contacts, DecisionLog(redis), POLICY.contact.caps),
        keeper=Keeper(Documents(redis)),
        policy=POLICY,
        rules=RULES,
    )


@pytest.fixture
def customer(redis):
    """A customer in London, known since long ago."""
    state = new_state()
    update(state, Event("1", "c", "page", 1e9, context=Context(timezone=LONDON.key)))
    OnlineStore(redis).write_many([("c", state)])
    return "c"


@pytest.fixture
def decide(redis_server, customer):
    """What 64 deciders choose for the customer at one moment of the clock on London's walls."""
    clients = [Redis(unix_socket_path=str(redis_server), socket_timeout=30) for _ in range(64)]
    deciders = [decider(client) for client in clients]

    def at(wall):
        now = datetime.fromisoformat(wall).replace(tzinfo=LONDON).timestamp()
        ready = Barrier(64)

        def one(each):
            ready.wait()
            [answer] = finished(each.decide([Question(customer)], now=now))
            return answer.receipt

        with ThreadPoolExecutor(64) as threads:
            return list(threads.map(one, deciders))

    yield at
    for client in clients:
        client.close()


def chosen(receipts):
    return Counter(receipt.chosen for receipt in receipts)


@pytest.mark.parametrize(
    ("eve", "day"),
    [("2026-03-28", "2026-03-29"), ("2026-10-24", "2026-10-25")],
    ids=["to daylight-saving time", "back"],
)
def test_of_64_deciders_none_breaks_a_cap_though_clocks_change(decide, redis, eve, day):
    first = chosen(decide(f"{eve}T12:00"))
    assert first["none"] == 64 - 5
    assert first["nudge"] + first["hint"] <= 2
    assert first["letter"] <= 1
    kept = Contacts(redis).read(["c"])[0].contacts
    assert Counter(contact.action for contact in kept) == first - Counter(none=64)
    shorter = day == "2026-03-29"  # noon comes after 23 hours, else after 25
    assert set(chosen(decide(f"{day}T08:00"))) == {"none"}
    noon = chosen(decide(f"{day}T12:00"))
    assert noon["none"] == (64 if shorter else 64 - 5)
    assert noon["letter"] == 0 or first["letter"] == 0
    later = chosen(decide(f"{day}T13:00"))
    assert later["none"] == (64 - 5 if shorter else 64)


def test_at_night_nobody_is_spoken_to_and_the_receipt_says_why(decide):
    receipts = decide("2026-03-29T07:59")
    assert set(chosen(receipts)) == {"none"}
    rules = {candidate.id: candidate.excluded for candidate in receipts[0].candidates}
    assert rules["news"] == "quiet hours: 21:00 to 08:00 in Europe/London"


def test_who_lost_a_race_has_the_cap_in_the_receipt(decide):
    receipts = decide("2026-07-01T12:00")
    rules = {rule for receipt in receipts for each in receipt.candidates if (rule := each.excluded)}
    assert "cap: 5 per day on all channels" in rules
    for receipt in receipts:
        taken = {each.id: each for each in receipt.candidates}[receipt.chosen]
        assert taken.excluded is None
        assert taken.propensity > 0
