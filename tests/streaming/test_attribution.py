import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.action import NOTHING, Action
from streaming.attribution import Attribution, Told, told

DAY = 86_400.0
MAIL = Action(id="mail", channel="email", message="")
OFFER = Action(id="offer", channel="email", message="", outcome="conversion", window_days=3.0)


def click(decision="d", at=DAY, customer="c"):
    return Told(f"click-{at}", customer, at, "click", decision)


def order(at=DAY, money=20.0, decision=None, customer="c", id_="o"):
    return Told(id_, customer, at, "conversion", decision, money, order=True)


def waiting(*actions, customer="c"):
    made = Attribution()
    for place, action in enumerate(actions):
        made.decided(f"d{place or ''}", customer, action, 0.0)
    return made


def outcome(action, *events):
    made = waiting(action)
    made.take(events)
    (found,) = made.due(100 * DAY)
    return found.responded, found.money


def test_a_click_that_cites_a_decision_is_its_response():
    assert outcome(MAIL, click()) == (True, 0.0)
    assert outcome(MAIL, click("other")) == (False, 0.0)


def test_an_order_within_the_window_is_a_conversion_even_if_it_cites_nothing():
    assert outcome(OFFER, order(at=2 * DAY)) == (True, 20.0)
    assert outcome(OFFER, order(at=4 * DAY)) == (False, 0.0)
    assert outcome(OFFER, order(at=0.0)) == (False, 0.0)  # it was there before
    assert outcome(OFFER, order(customer="another")) == (False, 0.0)


def test_the_money_of_a_week_counts_whatever_was_done():
    made = waiting(NOTHING, OFFER)
    made.take([order(at=2 * DAY), order(at=5 * DAY, id_="later")])
    found = {one.action: (one.money, one.week) for one in made.due(100 * DAY)}
    assert found == {"none": (40.0, 40.0), "offer": (20.0, 40.0)}


def test_an_order_without_a_click_is_no_click():
    assert outcome(MAIL, order()) == (False, 20.0)
    assert outcome(MAIL, order(decision="d")) == (True, 20.0)  # it cites the mail, so it came from there


def test_what_comes_of_doing_nothing_are_orders():
    assert outcome(NOTHING, order()) == (True, 20.0)
    assert outcome(NOTHING) == (False, 0.0)


def test_an_event_told_twice_counts_once():
    assert outcome(OFFER, order(), order(), order(id_="second")) == (True, 40.0)


def test_money_of_orders_goes_before_what_an_outcome_says():
    said = Told("x", "c", DAY, "conversion", "d", 99.0)
    assert outcome(OFFER, said) == (True, 99.0)
    assert outcome(OFFER, said, order()) == (True, 20.0)


def test_a_decision_whose_message_did_not_arrive_teaches_nothing():
    made = waiting(MAIL)
    made.take([Told("f", "c", DAY, "failure", "d")])
    assert made.due(100 * DAY) == []
    assert len(made) == 0


@given(at=st.floats(0.0, 20 * DAY))
def test_responses_and_silence_are_due_at_the_same_time(at):
    answered, silent = waiting(MAIL), waiting(MAIL)
    answered.take([click(at=DAY / 2)])
    assert len(answered.due(at)) == len(silent.due(at)) == (at > 7 * DAY)


def test_outcomes_come_in_the_order_in_which_they_are_due():
    longer = Action(id="longer", channel="email", message="", window_days=14.0)
    made = waiting(longer, OFFER)
    assert [(one.action, one.due) for one in made.due(100 * DAY)] == [
        ("offer", 7 * DAY),
        ("longer", 14 * DAY),
    ]


def test_what_waits_is_saved_and_goes_on():
    made = waiting(MAIL, OFFER)
    made.take([click(), order()])
    again = Attribution.from_list(msgspec.json.decode(msgspec.json.encode(made.to_list())))
    again.take([order()])
    assert again.due(100 * DAY) == made.due(100 * DAY)


def test_beyond_its_room_it_gives_up_the_first_due_and_counts_it():
    made = Attribution(capacity=1)
    made.decided("a", "c", MAIL, 0.0)
    made.decided("b", "c", MAIL, 1.0)
    assert (made.dropped, len(made)) == (1, 1)
    assert [one.decision_id for one in made.due(100 * DAY)] == ["b"]


def call(event, **properties):
    return msgspec.json.encode(
        {
            "type": "track",
            "event": event,
            "messageId": "m",
            "userId": "c",
            "timestamp": "1970-01-02T00:00:00Z",
            "properties": properties,
        }
    )


def test_events_are_read_for_what_they_say_of_decisions():
    assert (
        told(
            [
                call("Product Viewed", product_id="p"),
                call("Email Delivered", decisionId="d"),
                call("Email Opened", decisionId="d"),
                call("Decision Outcome", decisionId="d", outcome="delivered"),
                b'{"decisionId"',
            ]
        )
        == []
    )
    kinds = [
        (call("Email Link Clicked", decisionId="d"), "click"),
        (call("Product Viewed", decisionId="d"), "click"),
        (call("Email Bounced", decisionId="d"), "failure"),
        (call("Decision Outcome", decisionId="d", outcome="failed"), "failure"),
        (call("Decision Outcome", decisionId="d", outcome="clicked"), "click"),
        (call("Decision Outcome", decisionId="d", outcome="converted", value=5), "conversion"),
    ]
    assert [one.kind for one in told(raw for raw, _ in kinds)] == [kind for _, kind in kinds]
    assert told([kinds[-1][0]])[0].money == 5.0
    assert told([call("Order Completed", revenue=7)]) == [
        Told("m", "c", DAY, "conversion", None, 7.0, order=True)
    ]
