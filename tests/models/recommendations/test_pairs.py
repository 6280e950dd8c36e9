"""Pairs of products: the heaviest neighbours stay, and numbers can be closed up without losing any."""

import numpy as np
import pytest

from models.recommendations.item_record import Near
from models.recommendations.pairs import HELD, Pairs, paired

NAMES = [f"p{number}" for number in range(400)]


def numbers(*given):
    return np.array(given, np.intp)


def met(*pairs, most=2, size=400):
    found = Pairs(most)
    for one, other, weight in pairs:
        found.meet(numbers(one), numbers(other), np.array([float(weight)]))
    found.settle(size)
    return found


def nearest(pairs, *rows, counted=1.0, known=True):
    size = len(NAMES)
    return pairs.nearest(numbers(*rows), np.full(size, counted), np.full(size, known), 0.0, NAMES)


def test_products_that_met_are_each_others_neighbours_the_heaviest_first():
    [first, second, none] = nearest(met((0, 1, 2), (0, 2, 4), (0, 1, 1), (0, 3, 1)), 0, 1, 9)
    assert (first.products, second.products, none) == (["p2", "p1"], ["p0"], Near())
    assert np.exp2(np.frombuffer(second.weights, np.float32)) == pytest.approx([3.0])


def test_those_that_are_bought_everywhere_are_less_like():
    pairs, counted = met((0, 1, 2), (0, 2, 1)), np.array([4.0, 100.0, 4.0])
    [near] = pairs.nearest(numbers(0), counted, np.ones(3, np.bool_), 0.0, NAMES)
    assert (near.products, list(near.likeness)) == (["p2", "p1"], [64, 26])
    [near] = pairs.nearest(numbers(0), counted, np.array([True, False, True]), 0.0, NAMES)
    assert (near.products, list(near.likeness)) == (["p1", "p2"], [128, 64])


def test_a_product_has_a_bounded_number_of_neighbours_the_heaviest():
    pairs = met(*((0, other, other) for other in range(1, 300)))
    assert list(pairs.neighbours()) == [0, *range(300 - 2 * HELD, 300)]
    assert nearest(pairs, 0)[0].products == ["p299", "p298"]
    assert nearest(pairs, 5)[0].products == ["p0"]


def test_what_was_stored_is_one_sided_and_goes_on_where_it_was():
    stored = nearest(met((0, 1, 2), (0, 2, 4)), 0)[0]
    pairs = Pairs(2)
    pairs.put(0, numbers(7, 8), stored)
    pairs.meet(numbers(0), numbers(8), np.array([3.0]))
    pairs.settle(400)
    [first, second] = nearest(pairs, 0, 8)
    assert (first.products, second.products) == (["p8", "p7"], ["p0"])
    assert np.exp2(np.frombuffer(first.weights, np.float32)) == pytest.approx([5.0, 4.0])


def test_gaps_between_numbers_close_and_neighbours_stay():
    pairs = met((1, 3, 2), (3, 5, 1), (4, 5, 1), size=6)
    gone = np.array([True, True, True, False, True, True])
    pairs.empty(gone)
    assert list(pairs.neighbours()) == [1, 5]
    pairs.keep(np.array([False, True, False, True, False, True]))
    assert nearest(pairs, 0, 1, 2) == [Near(), nearest(met((1, 0, 2), (1, 2, 1)), 1)[0], Near()]


def test_nothing_that_met_has_no_neighbours():
    pairs = Pairs(2)
    pairs.settle(3)
    assert nearest(pairs, 0, 1) == [Near(), Near()]


@pytest.mark.parametrize("count", range(30))
def test_each_line_of_an_order_is_paired_with_as_many_others_and_never_with_itself(count):
    found = paired(numbers(3, count, 1), ["a", "b", "c"], 24)
    own = found.order == 1
    ones, others = found.ones[own] - 3, found.others[own] - 3
    assert all(0 <= place < count for place in (*ones, *others))
    assert not np.any(ones == others)
    assert len({frozenset(pair) for pair in zip(ones, others, strict=True)}) == len(ones)
    each = set(np.bincount([*ones, *others], minlength=count).tolist())
    most = min(count - 1, 2 * max(24 // max(count, 1), 1))
    assert each in ([set()] if count == 0 else [{most}, {most - 1}])  # one of them half an order apart
    assert np.count_nonzero(found.order == 0) == 3
    assert np.count_nonzero(found.order == 2) == 0
