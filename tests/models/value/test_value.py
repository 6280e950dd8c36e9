import math

import numpy as np
import pytest
from msgspec.structs import replace
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ebbtide.domain.event import Event, Properties
from ebbtide.errors import ModelError, StoreError
from features.catalog import NAMES
from features.profile import new_state, update, vector
from models.value.value import KEY, Valuer, ValueWatcher, load, publish
from models.value.value_training import fit
from tests.archive import history_of

DAY = 86_400.0
FIRST = 19_000


def shop(folder, days, customers=150, taken_back=0.0):
    """A model of customers who order at their own pace, for their own money; some leave half way.

    They take back a share of the orders.
    """
    rng, dice = np.random.default_rng(3), np.random.default_rng(4)
    events = []
    for n in range(customers):
        pace, money = rng.uniform(4, 40), rng.uniform(5, 100)
        end = days / 2 if n % 3 == 0 else days
        day = rng.uniform(0, pace)
        while day < end:
            properties = Properties(revenue=money)
            at = (FIRST + day) * DAY
            events.append(Event(f"{n}-{day}", f"c{n}", "Order Completed", at, properties))
            if dice.random() < taken_back:
                events.append(Event(f"{n}-{day}-back", f"c{n}", "Order Refunded", at, properties))
            day += rng.exponential(pace)
    with history_of(folder, events) as history:
        return fit(history, seed=7)


def customer(every, money, orders, silent=1.0, taken_back=0):
    state = new_state()
    for n in range(orders):
        properties = Properties(revenue=money)
        update(state, Event(f"m{n}", "c", "Order Completed", (FIRST + n * every) * DAY, properties))
        if n < taken_back:
            update(state, Event(f"r{n}", "c", "Order Refunded", (FIRST + n * every) * DAY, properties))
    return vector(state, (FIRST + (orders - 1) * every + silent) * DAY)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return shop(tmp_path_factory.mktemp("home"), 430)


def test_the_longest_stretch_is_learned_that_leaves_a_later_one_to_judge_by(model):
    assert model.days == 180
    assert set(model.deviance) == {"trees", "rfm"}
    assert bool(model.trees) == (model.deviance["trees"] < model.deviance["rfm"])


def test_a_log_too_short_gives_no_model(tmp_path):
    assert shop(tmp_path, 0) is None
    assert shop(tmp_path, 100) is None


@pytest.mark.parametrize("plain", [True, False])
def test_those_who_spend_more_are_worth_more_and_the_silent_less(model, plain):
    valuer = Valuer(replace(model, trees="") if plain else model)
    good, poor = customer(7, 80.0, 30), customer(35, 10.0, 6)
    assert valuer.predict_one(good) > 3 * valuer.predict_one(poor)
    assert valuer.predict_one(good) > 2 * valuer.predict_one(customer(7, 80.0, 30, silent=150))


@pytest.mark.parametrize("kind", ["trees", "plain", "rate"])
def test_who_took_all_back_is_worth_a_fraction_of_who_kept_it(model, kind):
    valuer = Valuer({"trees": model, "plain": replace(model, trees=""), "rate": None}[kind])
    whole, half, nothing = (valuer.predict_one(customer(7, 80.0, 10, taken_back=n)) for n in (0, 5, 10))
    assert nothing < 0.1 * whole
    assert 0.3 * whole < half < 0.8 * whole


def test_what_was_taken_back_is_not_learned_as_money(tmp_path):
    model = shop(tmp_path, 430, taken_back=0.5)
    found = Valuer(model).predict_one(customer(14, 50.0, 20, taken_back=10))
    assert found == pytest.approx(365 / 14 * 50.0 / 2, rel=0.35)


@pytest.mark.parametrize("kind", ["trees", "plain", "rate"])
def test_one_and_many_agree_are_finite_and_leave_the_input_alone(model, kind):
    valuer = Valuer({"trees": model, "plain": replace(model, trees=""), "rate": None}[kind])
    matrix = np.array(
        [customer(7, 80.0, 30), customer(35, 10.0, 6), vector(new_state(), 0.0), [math.nan] * len(NAMES)]
    )
    before = matrix.copy()
    found = valuer.predict_many(matrix)
    assert found.tolist() == pytest.approx([valuer.predict_one(row) for row in matrix.tolist()])
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert np.array_equal(matrix, before, equal_nan=True)


def test_without_a_model_it_is_the_mean_order_times_the_rate():
    weekly = customer(7, 20.0, 53, silent=1)
    found = Valuer().predict_one(weekly)
    assert found == pytest.approx(20.0 * 365 / 7, rel=0.25)
    assert Valuer().predict_one(vector(new_state(), 0.0)) == 0.0


def test_a_model_comes_back_from_redis_as_it_was(redis, model):
    watcher = ValueWatcher(redis, interval=1.0)
    good = customer(7, 80.0, 30)
    assert watcher(good, 0.0) == Valuer().predict_one(good)
    version = publish(model, redis, "3")
    assert watcher(good, 2.0) == Valuer(model).predict_one(good) == load(redis).predict_one(good)
    assert load(redis).version == version
    assert version.startswith("3-")


def test_a_damaged_model_is_refused_and_told_of_and_the_one_before_goes_on(redis, model, caplog):
    publish(model, redis, "3")
    watcher = ValueWatcher(redis, interval=1.0)
    good = customer(7, 80.0, 30)
    before = watcher(good, 0.0)
    redis.hset(KEY, mapping={"model": b"{}", "version": "2"})
    with pytest.raises(ModelError, match="damaged"):
        load(redis)
    assert watcher(good, 2.0) == watcher(good, 4.0) == before
    assert "damaged" in watcher.fault
    assert [record.message for record in caplog.records if "damaged" in record.message] == [
        f"a new model is not used, the one before goes on: {watcher.fault}"
    ]


def test_without_redis_it_says_so_as_the_churn_model_does(tmp_path):
    away = Redis(unix_socket_path=str(tmp_path / "none.sock"), retry=Retry(NoBackoff(), 0))
    for call in (lambda: load(away), lambda: ValueWatcher(away)([math.nan] * len(NAMES), 0.0)):
        with pytest.raises(StoreError, match="is Redis running"):
            call()


def test_a_model_of_another_catalog_is_refused(model):
    with pytest.raises(ModelError, match="run `ebbtide train`"):
        Valuer(replace(model, catalog="1-x"))
