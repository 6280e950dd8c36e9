"""A ranked list as it is stored: it comes back as it was, in few bytes."""

import pytest

from ebbtide.errors import StoreError
from models.recommendations import ranked
from models.recommendations.shown import Alike, Own, Popular, Shown, With

DAY = 86_400.0
PLACES = [
    Shown("milk", 0.71, Own(7, 20_000 * DAY)),
    Shown("tea", 0.5, Own(0, 19_000 * DAY)),
    Shown("pot", 0.2, With("tea")),
    Shown("cup", 0.1, With("milk")),
    Shown("tray", 0.05, With("tea")),
    Shown("jam", 0.01, Alike()),
    Shown("bag", 0.0, Popular()),
]


def test_a_list_comes_back_as_it_was():
    found = ranked.decode(ranked.encode("3", 20_001.5 * DAY, PLACES))
    assert (found.version, found.made_at) == ("3", 20_001.5 * DAY)
    assert found.products == [each.product for each in PLACES]
    assert [found.why(place) for place in range(len(PLACES))] == [each.why for each in PLACES]
    assert found.scores() == pytest.approx([each.score for each in PLACES], abs=1e-5)


def test_a_product_takes_seven_bytes_and_its_id():
    few, many = (
        ranked.encode("3", DAY, [Shown(f"{n:06}", 0.5, Alike()) for n in range(n)]) for n in (10, 50)
    )
    assert (len(many) - len(few)) / 40 <= 6 + 7.1


def test_what_is_no_list_is_an_error_that_says_what_to_do():
    with pytest.raises(StoreError, match="run `ebbtide recommend`"):
        ranked.decode(b"junk")
