"""Views that no purchase followed."""

from hypothesis import given
from hypothesis import strategies as st

from features.signals.views import BOUGHT, SPAN, Views

DAY = 86_400.0
moments = st.integers(0, 40 * 24).map(lambda hour: hour * 3600.0)
steps = st.lists(st.tuples(st.booleans(), st.sampled_from("abc"), moments), max_size=7)


def after(taken):
    views = Views()
    for is_view, product, at in taken:
        if is_view:
            views.view(product, at)
        else:
            views.buy((product,), at)
    return views


@given(steps, st.randoms(use_true_random=False))
def test_views_and_purchases_may_come_in_any_order(taken, random):
    now = max((at for _, _, at in taken), default=0.0)
    shuffled = random.sample(taken, len(taken))
    expected = []
    for product in "abc":
        bought = max((at for view, name, at in taken if not view and name == product), default=-1.0)
        seen = [
            at for view, name, at in taken if view and name == product and at > max(bought, now - SPAN - 1)
        ]
        expected += [len(seen)] if seen else []
    assert after(shuffled).unbought(now) == (max(expected, default=0), len(expected))


@given(st.lists(st.tuples(moments, st.integers(1, 60)), min_size=1, max_size=30))
def test_no_more_purchases_are_kept_than_can_matter(bought):
    views = Views()
    for at, count in bought:
        views.buy(tuple(str(number) for number in range(count)), at)
    assert sum(len(products) for _, products in views.bought) <= BOUGHT
    times = [at for at, _ in views.bought]
    assert times == sorted(times)
    assert times[-1] == max(at for at, _ in bought)
    assert times[0] >= times[-1] - SPAN
