"""The simulated shop is the one that it says to be."""

import numpy as np
import pytest

from benchmarks.simulator import ACTIONS, ANNOYED_SHARE, SIGNALS, Shop, averse, logs


def test_a_shop_is_the_same_each_time_and_another_by_another_seed():
    one, again, other = Shop(1), Shop(1), Shop(2)
    assert (one.customers(50) == again.customers(50)).all()
    assert (one.luck(50) == again.luck(50)).all()
    assert (one.chances(one.customers(50)) == again.chances(again.customers(50))).all()
    assert (one.customers(50) != other.customers(50)).any()


def test_signals_are_skewed_and_their_logarithms_are_not():
    customers = Shop(1).customers(20_000)
    scaled = logs(customers)
    assert np.abs(customers[:, 0]).max() > 20.0
    assert scaled[:, 0].mean() == pytest.approx(0.0, abs=0.03)
    assert scaled[:, 0].std() == pytest.approx(1.0, abs=0.03)
    assert set(customers[:, -1].round(9)) == {0.0, 1.0}
    assert customers.shape[1] == len(SIGNALS)


def test_those_who_are_annoyed_are_driven_away():
    shop = Shop(1)
    customers = shop.customers(20_000)
    away, annoyed = averse(shop.chances(customers)), customers[:, -1] > 0.5
    assert annoyed.mean() == pytest.approx(ANNOYED_SHARE, abs=0.02)
    assert away[annoyed].mean() > 0.5 > 0.2 > away[~annoyed].mean()


def test_no_action_is_the_best_for_everybody():
    shop = Shop(1)
    best = np.bincount(shop.chances(shop.customers(5_000)).argmax(axis=1), minlength=len(ACTIONS))
    assert best.max() < 0.7 * best.sum()
    assert best[0] > 0
