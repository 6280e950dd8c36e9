import pytest

from ebbtide.domain.decision import Reason
from ebbtide.domain.event import Event, Properties
from features.catalog import NAMES
from features.profile import decode, encode, new_state, update, vector
from features.signals.testing import order
from models.churn.curve import ChurnCurve
from models.explain.remedies import rescored
from tests.churn_model import artefact

DAY = 86_400.0
NOW = 200 * DAY
CURVE = ChurnCurve(artefact())


def predict(signals):
    return CURVE.predict_one(signals)[1]


def value_of(name):
    return lambda signals: signals[NAMES.index(name)]


def reason(signal):
    return Reason(signal, None, 1.0, "")


@pytest.fixture
def state():
    found = new_state()
    for day in range(100, 181, 10):
        update(found, order(day, revenue=20.0 + day % 3))
    return found


def told(name, day, **properties):
    return Event(f"{name}{day}", "c", name, day * DAY, Properties(**properties))


def test_the_change_is_the_models_own_after_the_event(state):
    [found] = rescored([reason("recency_days")], state, NOW, predict)
    after = decode(encode(state))
    before = predict(vector(state, NOW))
    update(after, order(200, revenue=vector(state, NOW)[NAMES.index("order_value_mean")]))
    assert found.remedy == "an order today"
    assert found.change == pytest.approx(predict(vector(after, NOW)) - before)
    assert found.change < -0.2


def test_the_state_stays_as_it_is(state):
    before = encode(state)
    rescored([reason("recency_days"), reason("cart_value")], state, NOW, predict)
    assert encode(state) == before


def test_an_order_today_is_worth_what_is_usual(state):
    mean = value_of("order_value_mean")
    [found] = rescored([reason("overdue_ratio")], state, NOW, mean)
    assert found.change == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("events", "signal", "remedy", "moved", "change"),
    [
        (
            [told("Product Added", 199, product_id="tea", price=4.0)],
            "cart_value",
            "the open cart ordered",
            "cart_items",
            -1.0,
        ),
        (
            [told("Ticket Opened", 190, ticket_id=n) for n in range(3)],
            "tickets_open",
            "open tickets resolved",
            "tickets_open",
            -3.0,
        ),
        (
            [told("Payment Failed", 190), told("Payment Failed", 191)],
            "payment_failures",
            "the failed payment made",
            "payment_failures",
            -2.0,
        ),
        (
            [told("Cancellation Requested", 190)],
            "cancellation_asked",
            "the subscription renewed",
            "cancellation_asked",
            -1.0,
        ),
    ],
)
def test_each_remedy_removes_what_the_reason_names(state, events, signal, remedy, moved, change):
    for event in events:
        update(state, event)
    [found] = rescored([reason(signal)], state, NOW, value_of(moved))
    assert (found.remedy, found.change) == (remedy, change)


@pytest.mark.parametrize("signal", ["cart_value", "tenure_days", "weekend_share", "tickets_open"])
def test_where_nobody_can_act_there_is_no_remedy(state, signal):
    [found] = rescored([reason(signal)], state, NOW, predict)
    assert (found.remedy, found.change) == (None, None)


def test_whoever_never_ordered_is_not_told_that_an_order_would_help():
    [found] = rescored([reason("recency_days")], new_state(), NOW, predict)
    assert found.change is None
