"""Hidden tastes: products of a customer's taste come first, and tiny logs do no harm."""

import numpy as np
import pytest
from scipy import sparse

from models.recommendations.factors import FACTORS, Factors


def two_tastes(customers=60, products=40, seed=1):
    """Customers buy half of the products of one of two tastes, the even or the odd ones."""
    rng = np.random.default_rng(seed)
    bought = rng.random((customers, products)) < 0.5
    bought &= np.arange(products) % 2 == np.arange(customers)[:, None] % 2
    return sparse.csr_matrix(bought.astype(np.float32))


def test_what_was_not_bought_scores_higher_where_it_is_of_the_customers_taste():
    bought = two_tastes()
    scores = Factors(bought).scores(bought)
    new = bought.toarray() == 0.0
    alike = np.arange(40) % 2 == np.arange(60)[:, None] % 2
    assert scores[new & alike].mean() > 5.0 * np.abs(scores[new & ~alike]).mean()


def test_a_customer_who_was_not_learned_from_is_scored_alike():
    bought = two_tastes()
    learned = Factors(bought[:50])
    assert learned.scores(bought[50:]) == pytest.approx(learned.scores(bought)[50:], abs=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (1, 5), (300, 400)])
def test_there_are_scores_whatever_the_size_of_the_log(shape):
    bought = sparse.random(*shape, density=0.5, format="csr", dtype=np.float32, random_state=1)
    learned = Factors(bought)
    scores = learned.scores(bought)
    assert scores.shape == shape
    assert np.isfinite(scores).all()


def test_who_bought_nothing_gets_no_score():
    bought = two_tastes()
    nothing = sparse.csr_matrix((1, 40), dtype=np.float32)
    assert (Factors(bought).scores(nothing) == 0.0).all()


def test_what_is_kept_grows_with_products_and_not_with_customers():
    many = Factors(two_tastes(customers=4_000, products=320))
    assert many._in.shape == (320, FACTORS)
    assert many._out.shape == (FACTORS, 320)
