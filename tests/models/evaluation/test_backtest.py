"""The back-test on customers whose leaving is known, and what it does where a model cannot answer."""

import numpy as np
import pytest

from ebbtide.domain.event import Event, Properties
from ebbtide.errors import ModelError
from features.catalog import NAMES
from models.evaluation.backtest import KEYS, OURS, answer, figures, pooled, with_intervals
from models.evaluation.backtest_plot import drawn
from models.evaluation.evaluate import evaluate
from models.evaluation.learning_curve import Point
from models.evaluation.peers import PEERS
from models.evaluation.timeline import DAY, sampling, schedule, stops

BEGIN = 20_000 * DAY
HORIZON, ACTIVE = 21, 42


def leaving(seed=3, customers=250, days=220):
    """Customers who order by a rhythm of their own until they leave, each with the same chance a day."""
    rng = np.random.default_rng(seed)
    events = []
    for who in range(customers):
        gap, at, left = rng.uniform(2, 20), rng.uniform(0, 120), rng.exponential(150) + 10
        end = min(at + left, days)
        while at < end:
            properties = Properties(revenue=float(np.round(rng.gamma(4, 10), 2)))
            events.append(Event(f"{who}-{at}", f"c{who}", "Order Completed", BEGIN + at * DAY, properties))
            at += rng.gamma(4, gap / 4)
    return sorted(events, key=lambda event: event.at)


@pytest.fixture(scope="module")
def planned():
    events = leaving()
    return events, schedule(events[0].at, events[-1].at, horizon=HORIZON, active=ACTIVE, rolling=True)


@pytest.fixture(scope="module")
def answers(planned):
    events, plan = planned
    return [answer(stop, plan) for stop in stops(events, plan, sampling(250))]


def test_each_model_answers_for_each_customer_at_each_cut_off(planned, answers):
    assert [each.look.cut for each in answers] == list(planned[1].tests)
    assert len(answers) > 1
    for each in answers:
        assert set(each.said) | set(each.failed) == {OURS, *PEERS}
        assert {len(said) for said in each.said.values()} == {len(each.look.customers)}


def test_a_rhythm_of_ones_own_is_found_which_recency_alone_does_not_see(answers):
    rows = pooled(answers, HORIZON)
    auc = {model["name"]: model["auc"] for model in figures(rows)}
    assert auc[OURS] > auc["recency"] + 0.03
    assert auc[OURS] > auc["rfm_lightgbm"]


def test_figures_are_those_of_evaluate_under_the_names_of_the_table(answers):
    rows = pooled(answers, HORIZON)
    ours = figures(rows)[0]
    assert ours["name"] == OURS
    expected = evaluate(rows.churned, rows.said[OURS])
    assert {name: ours[name] for name in KEYS} == {name: expected[metric] for name, metric in KEYS.items()}


def test_a_gain_is_that_of_our_auc_and_none_over_ourselves(answers):
    rows = pooled(answers, HORIZON)
    models, done = figures(rows), []
    with_intervals(models, rows, done.append)
    assert sum(done) == len(models)
    for model in models:
        assert model["auc_gain"] == pytest.approx(models[0]["auc"] - model["auc"])
        assert model["auc_gain_low"] <= model["auc_gain"] <= model["auc_gain_high"]
        assert model["auc_low"] < model["auc"] < model["auc_high"]
        assert model["log_loss_low"] < model["log_loss"] < model["log_loss_high"]
    assert models[0]["auc_gain_low"] == 0.0


def test_a_model_that_failed_at_one_cut_off_is_not_in_the_figures_of_all(answers):
    first, *others = answers
    less = type(first)(first.look, first.rows, {OURS: first.said[OURS]}, {"recency": "why"})
    assert list(pooled([less, *others], HORIZON).said) == [OURS]


def test_nobody_active_is_an_error_that_says_what_to_do(planned):
    events, plan = planned
    [*_, stop] = stops(events, plan, sampling(250))
    empty = type(stop.asked)(stop.asked.cut, np.array([], dtype=str), np.empty((0, len(NAMES))), np.array([]))
    with pytest.raises(ModelError, match="raise --active"):
        answer(type(stop)(stop.past, empty, stop.everyone), plan)


def test_the_picture_shows_all_cut_offs_and_can_show_one_and_a_curve(answers, tmp_path):
    curve = [
        Point(share, 1, round(80 * share), 9, *[0.6 + share / 9] * 5, *[0.5] * 3) for share in (0.5, 1.0)
    ]
    for chosen, points, panels in ((answers, (), 3), (answers[:1], (), 1), (answers, curve, 4)):
        figure = drawn(pooled(chosen, HORIZON), chosen, HORIZON, "shop.csv", points)
        assert len(figure.axes) == panels
        figure.savefig(tmp_path / "churn.png")
        assert (tmp_path / "churn.png").read_bytes().startswith(b"\x89PNG")
    assert [text.get_text() for text in figure.axes[-1].get_xticklabels()] == ["40", "80"]
