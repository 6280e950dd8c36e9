"""The online learner in the flow: predictions at midnights, labels when they are due."""

import msgspec
import pytest

from features import profile
from features.signals.testing import order
from features.store.online import OnlineStore
from features.store.row import Row
from models.churn.scorer import ModelWatcher
from streaming.changes import Changes
from streaming.learner import LATENESS, SAVED_KEY, LearnLogic, OnlineLearner, Sample, Saved, saved

DAY = 86_400.0
FIRST = 20_000
HORIZON = 10
CUSTOMERS = [f"c{n}" for n in range(30)]


class Champion:
    """What the learner asks of a champion, with a score that tells when it was asked."""

    version, horizon, active = "1-abc", HORIZON, 40

    def __init__(self):
        self.asked = []

    def predict_one(self, values):
        self.asked.append(values)
        return 0.3


def rows_until(customer, days):
    """The states of a customer with an order on each of the days, oldest first."""
    state = profile.new_state()
    rows = []
    for day in days:
        profile.update(state, order(day=FIRST + day, customer=customer, revenue=1.0))
        rows.append(Row(customer, profile.encode(state), state.last_at))
    return rows


def feed(logic, day, rows, orders=()):
    """Give the learner rows when event time has come to a day; gives the saved forms."""
    forms, _ = logic.on_batch([Sample((FIRST + day) * DAY, (FIRST + day) * DAY, rows, list(orders))])
    return list(forms)


def sweep(champion, days, *, orders=(), rows=None):
    """Run event time over the days, a day at a time."""
    logic = LearnLogic(lambda: champion, {}, None)
    feed(
        logic,
        0,
        [row for customer in CUSTOMERS for row in rows_until(customer, [0])] if rows is None else rows,
    )
    metrics = {}
    for day in range(1, days + 1):
        today = [(name, at) for name, at in orders if day - 1 < at / DAY - FIRST <= day]
        for raw in feed(logic, day, [], today):
            metrics = msgspec.json.decode(raw, type=Saved).metrics
    return metrics


def test_each_customer_is_predicted_once_a_week_silent_ones_included():
    champion = Champion()
    metrics = sweep(champion, 6 + int(LATENESS / DAY))
    assert metrics["pending"] == len(CUSTOMERS) == len(champion.asked)


def test_no_label_is_learned_before_its_horizon_has_passed():
    assert sweep(Champion(), HORIZON)["labels"] == 0
    assert sweep(Champion(), 2 * HORIZON)["labels"] > 0


def test_those_who_ordered_within_the_horizon_stayed_and_the_others_churned():
    silent = sweep(Champion(), 25)
    assert silent["churned"] == silent["labels"] > 0
    orders = [(name, (FIRST + day) * DAY) for name in CUSTOMERS for day in range(1, 25, 5)]
    loyal = sweep(Champion(), 25, orders=orders)
    assert loyal["churned"] == 0
    assert loyal["labels"] == silent["labels"]


def test_a_prediction_sees_nothing_that_came_after_its_midnight():
    champion = Champion()
    rows = [row for customer in CUSTOMERS for row in rows_until(customer, [0, 1, 2, 3, 4, 5, 6, 7, 8])]
    logic = LearnLogic(lambda: champion, {}, None)
    feed(logic, 0, [])
    feed(logic, 8, rows)  # all at once, as after a pause
    recency = [values[0] for values in champion.asked]
    assert len(recency) == len(CUSTOMERS)
    assert all(0.0 <= days <= 1.0 for days in recency)


def test_customers_silent_for_longer_than_the_model_knows_are_left_out():
    champion = Champion()
    sweep(champion, champion.active + 20)
    assert max(values[0] for values in champion.asked) <= champion.active


def test_many_days_in_one_batch_are_taken_up_day_by_day():
    champion = Champion()
    rows = [row for customer in CUSTOMERS for row in rows_until(customer, [0, 1, 2])]
    logic = LearnLogic(lambda: champion, {}, None)
    [raw], _ = logic.on_batch([Sample(FIRST * DAY, (FIRST + 30) * DAY, rows, [])])
    assert msgspec.json.decode(raw, type=Saved).metrics["labels"] > 0


def test_without_a_champion_it_waits():
    logic = LearnLogic(lambda: None, {}, None)
    assert feed(logic, 0, []) == []
    assert feed(logic, 30, []) == []


def test_it_goes_on_from_its_saved_form():
    champion = Champion()
    whole = sweep(champion, 30)
    logic = LearnLogic(lambda: champion, {}, None)
    rows = [row for customer in CUSTOMERS for row in rows_until(customer, [0])]
    feed(logic, 0, rows)
    kept = [raw for day in range(1, 16) for raw in feed(logic, day, [])][-1]
    again = LearnLogic(
        lambda: champion, {row.customer: [row] for row in rows}, msgspec.json.decode(kept, type=Saved)
    )
    last = [raw for day in range(16, 31) for raw in feed(again, day, [])][-1]
    assert msgspec.json.decode(last, type=Saved).metrics == pytest.approx(whole)


def test_another_champion_is_followed_from_the_next_midnight_on():
    champion = Champion()
    logic = LearnLogic(lambda: champion, {}, None)
    feed(logic, 0, [row for customer in CUSTOMERS for row in rows_until(customer, [0])])
    feed(logic, 9, [])
    champion.version = "2-def"
    [raw] = feed(logic, 10, [])
    assert msgspec.json.decode(raw, type=Saved).model["champion"] == "2-def"


def test_a_state_saved_in_an_older_format_is_left_and_learning_begins_anew(redis):
    redis.set(SAVED_KEY, msgspec.json.encode(Saved({}, FIRST, {"format": 1})))
    assert saved(redis) is None


def test_the_sample_is_stable_and_everybody_in_a_small_base(redis):
    OnlineStore(redis).write_many(
        (name, profile.decode(rows_until(name, [0])[0].state)) for name in CUSTOMERS
    )
    learner = OnlineLearner(redis, OnlineStore(redis), ModelWatcher(redis), lambda: 0.0)
    assert all(learner.follows(name) for name in CUSTOMERS)
    earlier, now = rows_until("c1", [0, 3])
    changes = Changes(0, "1-0", [], 2, [now], [earlier], [("c1", FIRST * DAY)], [], [])
    [sample] = learner.sample(changes)
    assert sample == Sample(FIRST * DAY, (FIRST + 3) * DAY, [earlier, now], [("c1", FIRST * DAY)])
    assert saved(redis) is None
