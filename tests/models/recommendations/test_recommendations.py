"""The answer: the ranked list as it is, moved by what happened since, or made from the statistics alone."""

import math

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ebbtide.domain.customer import Stage
from ebbtide.domain.event import Event, Product, Properties
from ebbtide.errors import StoreError
from ebbtide.logs.items import ItemCatalogue
from features.signals import repertoire
from models.recommendations import ranked
from models.recommendations.item_rebuild import rebuild
from models.recommendations.item_store import CHARTS, RECORDS, ItemStore
from models.recommendations.offering import Terms
from models.recommendations.recommendations import Recommender
from models.recommendations.shown import Alike, Own, Popular, Shown, With
from models.recommendations.wanted import Wanted

DAY = 86_400.0
NOW = 20_000 * DAY
MADE = NOW - 2.5 * DAY
LIST = [
    Shown("milk", 0.6, Own(7, NOW - 8 * DAY)),
    Shown("tea", 0.5, Own(0, NOW - 40 * DAY)),
    Shown("scones", 0.2, With("tea")),
    Shown("jam", 0.1, Alike()),
    Shown("nails", 0.05, Popular()),
]
HELD = (("milk", 3.0, NOW - 8 * DAY), ("tea", 0.7, NOW - 40 * DAY))


def order(day, *products, customer="c", **facts):
    lines = tuple(
        Product(product_id=product, name=product.title(), price=2.0, **facts) for product in products
    )
    return Event(f"{customer}-{day}", customer, "Order Completed", day * DAY, Properties(products=lines))


def shop():
    """Tea goes with scones, hammers with nails; milk is in every order; kites were popular a year ago."""
    recent = [order(19_960 + 3 * n, "tea", "scones", "milk", customer=f"c{n}") for n in range(12)]
    recent += [order(19_970 + n, "milk", "nails", "hammer", customer=f"c{n}") for n in range(6)]
    return [order(19_600 + n, "kites", customer=f"c{n}") for n in range(40)] + recent


@pytest.fixture
def stocked(redis):
    """Statistics of the shop's orders."""
    rebuild(shop(), ItemStore(redis))
    return redis


def ask(redis, held=(), limit=5, places=None, **others):
    known = None if places is None else ranked.decode(ranked.encode("1", MADE, places))
    options = {"stage": Stage.ACTIVE, "now": NOW, "ranked": known} | others
    wanted = Wanted(held, limit=limit, **options)
    return list(Recommender(redis).recommend([wanted], now=wanted.now)[0])


def ids(answer):
    return [each.product_id for each in answer]


def test_with_nothing_new_the_answer_is_the_list(stocked):
    answer = ask(stocked, HELD, places=LIST)
    assert ids(answer) == [each.product for each in LIST]
    assert [each.score for each in answer] == pytest.approx([each.score for each in LIST], abs=1e-4)
    assert [each.reason for each in answer] == [
        "you buy it every ~7 days",
        "you bought it before",
        "bought together with Tea",
        "customers with your taste buy it",
        "popular now",
    ]


def test_what_was_just_bought_goes_down_and_what_goes_with_it_comes_up(stocked):
    now = [("hammer", 1.0, NOW - DAY), ("milk", 4.0, NOW - DAY), *HELD[1:]]
    before, after = ask(stocked, HELD, places=LIST), ask(stocked, now, places=LIST, last_at=NOW - DAY)
    assert ids(before)[0] == "milk"
    assert ids(after)[0] == "tea"
    assert ids(after).index("nails") < ids(before).index("nails")
    milk = next(each for each in after if each.product_id == "milk")
    assert milk.score == pytest.approx(0.6 / 7, abs=1e-3)


def test_what_is_bought_every_day_is_due_again_the_day_after(stocked):
    places = [Shown("milk", 0.6, Own(1, NOW - 3 * DAY)), *LIST[1:]]
    held = [("milk", 9.0, NOW - DAY)]
    assert ids(ask(stocked, held, places=places, last_at=NOW - DAY))[0] == "milk"


def test_what_was_bought_before_the_list_was_made_moves_nothing(stocked):
    answer = ask(stocked, HELD, places=LIST, last_at=NOW - DAY)
    assert ids(answer) == [each.product for each in LIST]


def test_a_view_and_the_cart_bring_products_up_more_for_one_who_is_slipping(stocked):
    for stage, least in ((Stage.ACTIVE, 0.1), (Stage.SLIPPING, 0.2)):
        found = {
            each.product_id: each
            for each in ask(stocked, HELD, 9, LIST, stage=stage, viewed=[("kites", NOW)])
        }
        assert found["kites"].reason == "you viewed it"
        assert found["kites"].score == pytest.approx(least)
    found = {each.product_id: each for each in ask(stocked, HELD, 9, LIST, cart=["hammer"])}
    assert found["hammer"].reason == "it is in your cart"
    assert found["nails"].score > 0.06
    assert found["nails"].reason == "bought together with Hammer"


def test_a_product_that_came_after_the_list_is_as_likely_as_it_is_popular(stocked):
    rebuild([*shop(), *(order(19_999, "fresh", customer=f"f{n}") for n in range(9))], ItemStore(stocked))
    found = {each.product_id: each for each in ask(stocked, HELD, 9, LIST)}
    assert found["fresh"].reason == "new in the shop"
    assert 0.01 < found["fresh"].score < 0.6


def test_an_item_that_was_described_and_nobody_has_seen_yet_stands_as_if_viewed_once(stocked):
    ItemCatalogue(stocked).put([{"id": "mugs", "name": "Mugs"}, {"id": "tea"}], NOW - DAY)
    listed = ask(stocked, held=HELD, places=LIST, limit=6)
    assert [one.product_id for one in listed][:5] == [place.product for place in LIST]
    assert (listed[5].name, listed[5].reason) == ("Mugs", "new in the shop")
    unknown = ask(stocked, limit=9)
    assert (unknown[-2].name, unknown[-2].reason) == ("Mugs", "new in the shop")
    assert unknown[-1].name == "Kites"  # in demand a year ago
    assert "Mugs" not in {one.name for one in ask(stocked, limit=9, now=NOW + 15 * DAY)}


def test_of_a_shop_that_has_only_described_its_items_the_newest_are_shown(redis):
    ItemCatalogue(redis).put([{"id": "old"}], NOW - 2 * DAY)
    ItemCatalogue(redis).put([{"id": "new"}], NOW - DAY)
    assert [one.product_id for one in ask(redis)] == ["new", "old"]


def test_what_was_just_bought_is_left_out_unless_it_lies_in_the_cart_again(stocked):
    held = (("tea", 1.0, NOW - DAY),)
    shown = {one.product_id for one in ask(stocked, held=held, places=LIST, limit=9, terms=Terms())}
    assert "tea" not in shown
    assert "scones" in shown
    again = ask(stocked, held=held, places=LIST, cart=("tea",), limit=9, terms=Terms())
    assert "tea" in {one.product_id for one in again}


def test_an_unknown_customer_gets_what_is_popular(stocked):
    answer = ask(stocked, limit=3, stage=Stage.NEW)
    assert ids(answer)[0] == "milk"
    assert "popular now" in {each.reason for each in answer}


def test_a_newcomer_gets_what_newcomers_buy_in_their_country(redis):
    def said(country, n):
        traits = {"address": {"country": country}}
        return Event(f"i{country}{n}", f"{country}{n}", "identify", 19_990 * DAY, traits=traits)

    events = []
    for n in range(5):
        events += [said("DE", n), order(19_991, "bread", customer=f"DE{n}")]
        events += [said("GB", n), order(19_991, "scones", customer=f"GB{n}")]
    rebuild(events, ItemStore(redis))
    assert ids(ask(redis, limit=1, stage=Stage.NEW, country="DE")) == ["bread"]
    assert ids(ask(redis, limit=1, stage=Stage.NEW, country="GB")) == ["scones"]


def test_who_only_looked_around_gets_the_best_of_that_category(redis):
    orders = [order(19_990, "milk", customer=f"m{n}", category="Food") for n in range(30)]
    orders += [order(19_990, "saw", customer=f"s{n}", category="Tools") for n in range(3)]
    orders += [order(19_990, "drill", category="Tools")]
    rebuild(orders, ItemStore(redis))
    answer = ask(redis, limit=3, stage=Stage.NEW, viewed=[("drill", NOW)])
    assert ids(answer)[0] == "drill"
    assert {each.product_id: each.reason for each in answer}["saw"] == "popular in Tools"


def test_the_kind_that_the_shop_says_wins_over_what_events_say(redis):
    catalogue = ItemCatalogue(redis)
    catalogue.put([{"id": product, "category": "Hot drinks"} for product in ("tea", "cocoa")], NOW)
    orders = [order(19_990 + n, "cocoa", customer=f"c{n}", category="Misc") for n in range(3)]
    orders += [
        order(19_990 + n, f"thing{n}", customer=f"d{n}", category="Misc") for n in range(9) for _ in "ab"
    ]
    orders += [order(19_999, "tea", customer="e", category="Misc")]
    rebuild(orders, ItemStore(redis), said=catalogue.many)
    found = ask(redis, viewed=(("tea", NOW - DAY),), limit=9)
    [cocoa] = [one for one in found if one.product_id == "cocoa"]
    assert cocoa.reason == "popular in Hot drinks"
    assert not {one.reason for one in found} & {"popular in Misc"}


def test_without_a_list_a_buyer_of_tea_gets_scones_and_the_reason(stocked):
    found = {each.product_id: each for each in ask(stocked, [("tea", 1.0, NOW - 5 * DAY)])}
    assert found["scones"].name == "Scones"
    assert found["scones"].reason == "bought together with Tea"
    assert found["tea"].reason == "you bought it before"


def test_a_reason_that_names_a_product_of_the_same_name_tells_its_id(stocked):
    ItemCatalogue(stocked).put([{"id": product, "name": "Treat"} for product in ("tea", "scones")], NOW)
    [scones] = [one for one in ask(stocked, places=LIST[2:]) if one.product_id == "scones"]
    assert (scones.name, scones.reason) == ("Treat", "bought together with Treat (tea)")


def test_without_a_list_a_habit_is_told_with_its_interval(stocked):
    state = repertoire.State()
    for day in range(19_100, 19_992, 9):
        repertoire.update(state, order(day, "tea"))
    assert ask(stocked, repertoire.held(state, NOW))[0].reason == "you buy it every ~9 days"


def test_without_a_list_what_is_due_comes_before_what_was_just_bought(stocked):
    places = ids(ask(stocked, [("tea", 8.0, NOW - 15 * DAY), ("nails", 8.0, NOW)], limit=7))
    assert places.index("tea") < places.index("nails")


@pytest.mark.parametrize("places", [None, [Shown("m1", 0.5, Alike()), Shown("m2", 0.4, Alike())]])
def test_products_of_one_name_are_shown_once(redis, places):
    twins = tuple(Product(product_id=product, name="Milk") for product in ("m1", "m2", "m3"))
    rebuild([Event("1", "c", "Order Completed", NOW, Properties(products=twins))], ItemStore(redis))
    assert [each.name for each in ask(redis, places=places)] == ["Milk"]


def test_with_nothing_known_of_products_the_answer_is_the_list_by_ids_or_what_was_bought(redis):
    assert ask(redis) == []
    assert set(ids(ask(redis, HELD))) == {"milk", "tea"}
    assert [each.name for each in ask(redis, HELD, places=LIST)][:2] == ["milk", "tea"]


@pytest.mark.parametrize(("key", "field"), [(RECORDS, "tea"), (CHARTS, "all")])
def test_what_ebbtide_did_not_write_is_a_clear_error(stocked, key, field):
    stocked.hset(key, field, b"\x80\x04junk")
    with pytest.raises(StoreError, match="expected item statistics"):
        ask(stocked, [("tea", 1.0, NOW)])


def test_answers_for_many_share_what_is_read_and_keep_it_for_a_while(stocked):
    recommender = Recommender(stocked)
    wanted = [
        Wanted((), NOW, Stage.NEW, 3),
        Wanted([("tea", 1.0, NOW)], NOW, Stage.ACTIVE, 3),
        Wanted(HELD, NOW, Stage.ACTIVE, 3, ranked=ranked.decode(ranked.encode("1", MADE, LIST))),
    ]

    def trips(now):
        before = stocked.info("stats")["total_commands_processed"]
        recommender.recommend(wanted, now=now)
        return stocked.info("stats")["total_commands_processed"] - before - 1

    assert trips(NOW) <= 5
    assert trips(NOW + 1) == 0
    assert trips(NOW + 30) > 0


def test_a_product_of_later_is_known_before_a_minute_is_over(redis):
    recommender = Recommender(redis)
    wanted = [Wanted((), NOW, Stage.NEW, 3)]
    assert recommender.recommend(wanted, now=NOW) == [()]
    rebuild(shop(), ItemStore(redis))
    assert recommender.recommend(wanted, now=NOW + 30)[0]


PRODUCTS = st.sampled_from(["tea", "scones", "milk", "nails", "kites", "unheard of"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    held=st.lists(
        st.tuples(PRODUCTS, st.floats(0.0, 1e6), st.floats(NOW - 1e9, NOW + 1e6)),
        unique_by=lambda row: row[0],
    ),
    stage=st.sampled_from(Stage),
    limit=st.integers(0, 10),
    exclude=st.sets(st.sampled_from(["tea", "milk", "kites"])),
    places=st.sampled_from([None, LIST, LIST[:1], []]),
    cart=st.lists(PRODUCTS, max_size=2),
    viewed=st.lists(st.tuples(PRODUCTS, st.floats(NOW - 1e9, NOW + 1e3)), max_size=2),
    last_at=st.floats(NOW - 1e7, NOW),
)
def test_an_answer_is_ranked_distinct_within_its_limit_and_without_the_excluded(
    stocked, held, limit, places, **rest
):
    answer = ask(stocked, held, limit, places, **rest)
    assert len(answer) <= limit
    assert len({each.name for each in answer}) == len(set(ids(answer))) == len(answer)
    assert not rest["exclude"] & set(ids(answer))
    scores = [each.score for each in answer]
    assert scores == sorted(scores, reverse=True)
    assert all(math.isfinite(score) for score in scores)
    assert msgspec.json.encode(answer)
