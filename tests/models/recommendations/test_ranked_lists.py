"""What is served is what is evaluated: the lists are the ranker's, and find as much."""

import numpy as np
import pytest

from ebbtide.domain.customer import Stage
from ebbtide.jobs.evaluate_recommendations import HeldOut
from ebbtide.jobs.progress import silent
from ebbtide.jobs.recommend import publish
from models.recommendations import ranked, ranker
from models.recommendations.affinity import Affinity
from models.recommendations.bought_before import Repertoire
from models.recommendations.purchases import DAY
from models.recommendations.ranked_lists import listed, lists
from models.recommendations.ranking_metrics import NONE, TOP, figures
from models.recommendations.recommendations import Recommender
from models.recommendations.shown import Alike, Own, Popular, With
from models.recommendations.wanted import Wanted
from tests.models.shop_log import BEGIN, purchases, rebuyers

DAYS = 14


@pytest.fixture(scope="module")
def held_out():
    log = rebuyers(customers=60)
    cut = float(log.at.max()) - DAYS * DAY
    return HeldOut(log, cut), cut


@pytest.fixture(scope="module")
def learned(held_out):
    test, cut = held_out
    return ranker.train(test.past, cut, DAYS, lambda _: None)


def served(redis, past, cut):
    """What the API's recommender gives each customer right after training, by the places of the products."""
    recommender, place = Recommender(redis), {product: n for n, product in enumerate(past.products)}
    wanted = [
        Wanted(
            (),
            cut,
            Stage.ACTIVE,
            TOP,
            ranked=ranked.decode(redis.get(ranked.key(customer))),
            last_at=cut - 1.0,
        )
        for customer in past.customers
    ]
    found = np.full((len(wanted), TOP), NONE, dtype=np.int64)
    for row, answer in zip(found, recommender.recommend(wanted, now=cut), strict=True):
        row[: len(answer)] = [place[one.product_id] for one in answer]
    return found


def test_right_after_training_the_answers_are_the_rankers_lists_and_find_as_much(redis, held_out, learned):
    test, cut = held_out
    number, size, _ = publish(redis, learned, test.past, cut, "1", silent)
    assert number == len(test.past.customers)
    assert 100 < size / number < 1_500
    customers = np.arange(len(test.past.customers))
    answers, evaluated = served(redis, test.past, cut), learned.lists(customers)[False]
    assert (answers == evaluated).all()
    asked = test.customers
    measured = test.row("ebbtide", learned.lists(asked).__getitem__)
    assert figures(answers[asked], asked, test.bought, test.products).recall == measured["recall_at_10"] > 0.5


def test_chances_are_probabilities_that_come_true(learned, held_out):
    test, cut = held_out
    chances, bought = [], []
    place = {product: n for n, product in enumerate(test.past.products)}
    of = {customer: n for n, customer in enumerate(test.past.customers)}
    for one in lists(learned, test.past, cut, listed(test.past, cut)):
        for shown in one.places:
            chances.append(shown.score)
            bought.append(of[one.customer] * test.products + place[shown.product])
    found = np.isin(bought, test.bought)
    likely = np.array(chances) > 0.8
    assert likely.sum() > 30
    assert found[likely].mean() == pytest.approx(np.array(chances)[likely].mean(), abs=0.1)
    assert found.mean() == pytest.approx(np.mean(chances), abs=0.03)


def test_each_product_has_its_reason(learned, held_out):
    test, cut = held_out
    for one in lists(learned, test.past, cut, listed(test.past, cut)):
        rows = test.past.customer == test.past.customers.index(one.customer)
        had = {test.past.products[product] for product in test.past.product[rows]}
        assert len(one.places) <= ranked.MOST
        for shown in one.places:
            assert isinstance(shown.why, Own) == (shown.product in had)
            assert isinstance(shown.why, Own | With | Alike | Popular)
            if isinstance(shown.why, With):
                assert shown.why.product in had
        weekly = next(shown for shown in one.places if shown.product.startswith("own"))
        assert weekly.why.gap == 7
        assert weekly.why.last == pytest.approx(test.past.at[rows].max(), abs=8 * DAY)


def test_what_goes_with_a_product_is_told_by_the_one_that_the_customer_bought():
    lines = [
        (f"c{n}", what, n % 9) for n in range(20) for what in (("tea", "scones"), ("ink", "quill"))[n % 2]
    ]
    log = purchases([*lines, ("z", "tea", 9), ("z", "soap", 9)])
    cut = BEGIN + 10 * DAY
    affinity, place = (
        Affinity(log, Repertoire(log, cut), cut),
        {what: n for n, what in enumerate(log.products)},
    )
    asked = np.array([place["scones"], place["quill"]])
    assert affinity.because(log.customers.index("z"), asked).tolist() == [place["tea"], -1]


def test_who_has_not_ordered_for_a_year_gets_no_list():
    log = purchases([("a", "milk", 0), ("b", "tea", 400)])
    assert listed(log, BEGIN + 401 * DAY).tolist() == [1]
