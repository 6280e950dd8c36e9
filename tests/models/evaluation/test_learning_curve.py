"""The learning curve: parts that nest, models trained on those alone, and sizes with too few customers."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from ebbtide.domain.event import Event, Properties
from ebbtide.errors import ModelError
from models.churn.curve import ChurnCurve
from models.evaluation.backtest import OURS, answer, figures, pooled, trained, with_intervals
from models.evaluation.evaluate import evaluate
from models.evaluation.learning_curve import DRAWS, PARTS, SIZES, draws_of, learning_curve, part_of
from models.evaluation.timeline import DAY, MOST_CUSTOMERS, sampling, schedule, stops

HORIZON, ACTIVE = 21, 42


def stopped(customers, seed=3, days=150):
    """A stop whose outcomes are known, its schedule, and the answers at it."""
    rng = np.random.default_rng(seed)
    events = []
    for who in range(customers):
        gap, at, end = rng.uniform(2, 20), rng.uniform(0, 60), rng.exponential(150) + 10
        while at < min(end, days):
            properties = Properties(revenue=10.0)
            events.append(Event(f"{who}-{at}", f"c{who}", "Order Completed", at * DAY, properties))
            at += rng.gamma(4, gap / 4)
    events.sort(key=lambda event: event.at)
    planned = schedule(events[0].at, events[-1].at, horizon=HORIZON, active=ACTIVE)
    [(stop, whole)] = [(stop, answer(stop, planned)) for stop in stops(events, planned, sampling(customers))]
    return stop, planned, whole


@pytest.fixture(scope="module")
def found():
    stop, planned, whole = stopped(300)
    done: list[int] = []
    points, left_out = learning_curve(stop, planned, whole, done.append)
    assert sum(done) == DRAWS
    return stop, planned, whole, points, left_out


def test_draws_of_a_size_share_no_part_and_each_lies_within_one_of_the_next_size():
    for parts in SIZES.values():
        taken = [part for draw in draws_of(parts) for part in draw]
        assert len(taken) == len(set(taken))
        assert set(taken) <= set(range(PARTS))
    for fewer, more in pairwise(SIZES.values()):
        for draw in draws_of(fewer):
            assert any(set(draw) < set(larger) for larger in draws_of(more))


def test_parts_are_even_among_all_customers_and_among_those_who_train():
    everyone = [f"{number:08d}" for number in range(40_000)]
    trains = sampling(4 * MOST_CUSTOMERS)
    for group in (everyone, [who for who in everyone if trains(who)]):
        counts = Counter(map(part_of, group))
        assert set(counts) == set(range(PARTS))
        even = len(group) / PARTS
        assert max(abs(count - even) for count in counts.values()) < 4 * even**0.5


def test_all_customers_give_the_figures_of_the_table_to_the_last_digit(found):
    _, _, whole, points, _ = found
    rows = pooled([whole], HORIZON)
    [ours, *_] = models = figures(rows)
    with_intervals(models, rows, lambda _: None)
    last = points[-1]
    assert (last.share, last.train_rows) == (1.0, whole.rows)
    assert last.auc == last.auc_lowest == last.auc_highest == ours["auc"]
    assert last.log_loss == last.log_loss_lowest == last.log_loss_highest == ours["log_loss"]
    assert (last.auc_low, last.auc_high) == (ours["auc_low"], ours["auc_high"])


def test_a_half_is_trained_on_its_customers_alone_and_tested_on_all(found):
    stop, planned, whole, points, _ = found
    aucs, losses, rows = [], [], []
    for half in (range(4), range(4, 8)):
        past = []
        for look in stop.past:
            kept = [place for place, who in enumerate(look.customers) if part_of(who) in half]
            past.append(
                replace(
                    look, **{name: getattr(look, name)[kept] for name in ("customers", "matrix", "ordered")}
                )
            )
        said = ChurnCurve(trained(past, planned).artefact).predict_many(stop.asked.matrix)[:, 0]
        measured = evaluate(whole.look.churned(HORIZON), said)
        aucs.append(measured["roc_auc"])
        losses.append(measured["log_loss"])
        rows.append(sum(len(look.customers) for look in past))
    [point] = [point for point in points if point.share == 0.5]
    assert (point.auc_lowest, point.auc_highest) == (min(aucs), max(aucs))
    assert point.auc == pytest.approx(sum(aucs) / 2)
    assert (point.log_loss_lowest, point.log_loss_highest) == (min(losses), max(losses))
    assert abs(point.train_rows - sum(rows) / 2) <= 0.5
    assert sum(rows) == whole.rows


def test_more_customers_are_in_later_points_and_the_interval_holds_the_mean(found):
    *_, points, left_out = found
    assert not left_out
    assert [(point.share, point.draws) for point in points] == [(0.125, 4), (0.25, 4), (0.5, 2), (1.0, 1)]
    assert all(fewer.customers < more.customers for fewer, more in pairwise(points))
    for point in points:
        assert point.auc_low < point.auc < point.auc_high
        assert point.auc_lowest <= point.auc <= point.auc_highest


def test_a_size_whose_draws_hold_too_few_customers_has_a_reason_and_no_point():
    stop, planned, whole = stopped(60)
    done: list[int] = []
    points, left_out = learning_curve(stop, planned, whole, done.append)
    assert sum(done) == DRAWS
    assert "an eighth" in left_out
    assert "expected at least 100 rows" in left_out["an eighth"]
    assert len(points) + len(left_out) == len(SIZES)
    assert points[-1].share == 1.0


def test_customers_who_all_stayed_are_an_error_not_a_curve(found):
    stop, planned, whole, *_ = found
    look = replace(whole.look, ordered=np.full(len(whole.look.ordered), whole.look.cut))
    with pytest.raises(ModelError, match="of both classes"):
        learning_curve(stop, planned, replace(whole, look=look), lambda _: None)
    assert len(whole.said[OURS]) == len(look.customers)
